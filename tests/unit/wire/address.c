#include "wire/address.h"
#include "tests/check.h"
#include <string.h>

static struct address address;
static struct complaint complaint;

static void a_socket_has_a_path(void)
{
	CU_ASSERT_EQUAL(address_parse(&address, "unix:/run/craton/a.sock", &complaint), ERR_OK);
	CU_ASSERT(address.is_unix);
	CU_ASSERT_STRING_EQUAL(address.host, "/run/craton/a.sock");
}

static void a_host_has_a_port(void)
{
	CU_ASSERT_EQUAL(address_parse(&address, "node-a.example:65535", &complaint), ERR_OK);
	CU_ASSERT(!address.is_unix && address.port == 65535);
	CU_ASSERT_STRING_EQUAL(address.host, "node-a.example");
	CU_ASSERT_EQUAL(address_parse(&address, "127.0.0.1:0", &complaint), ERR_OK);
	CU_ASSERT_EQUAL(address.port, 0);
}

static void an_ipv6_address_stands_in_brackets(void)
{
	CU_ASSERT_EQUAL(address_parse(&address, "[::1]:7000", &complaint), ERR_OK);
	CU_ASSERT(!address.is_unix && address.port == 7000);
	CU_ASSERT_STRING_EQUAL(address.host, "::1");
}

static void anything_else_is_a_mistake_that_shows_the_forms(void)
{
	char long_path[200] = "unix:/", long_host[400];
	memset(long_path + 6, 'x', 150);
	memset(long_host, 'x', 300);
	strcpy(long_host + 300, ":1");
	const char *const wrong[] = {
		"", ":", "host", "host:", ":80", "host:x", "host:+80", "host:-1", "host:65536", "host:999999", "host: 80", "host:80 ",
		"::1:80", "[::1]", "[::1]80", "[::1]:", "[]:80", "[::1", "unix:", "unix:relative", "/run/x", "http://h:80",
		long_path, long_host,
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		complaint.text[0] = '\0';
		CU_ASSERT_EQUAL(address_parse(&address, wrong[i], &complaint), ERR_CONFIG);
		CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "write unix:/path/of/socket, host:port or [::1]:port"));
	}
}

TESTS("wire/address", SAY(a_socket_has_a_path), SAY(a_host_has_a_port), SAY(an_ipv6_address_stands_in_brackets),
      SAY(anything_else_is_a_mistake_that_shows_the_forms))
