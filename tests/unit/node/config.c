/* Each mistake in a node's settings is one line that says where, what and what instead. */
#include "node/config.h"
#include "backend/held.h"
#include "tests/check.h"
#include <stdlib.h>
#include <string.h>

#define GOOD                                                                                            \
	"[node]\nid = 1\nname = a\nstate = state\n"                                                      \
	"[raft]\nlisten = 127.0.0.1:7410\nsecret_file = secret\n"                                        \
	"[founder a]\nid = 1\naddress = 127.0.0.1:7410\n"                                                \
	"[founder b]\nid = 2\naddress = 127.0.0.1:7411\n"                                                \
	"[tls]\nauthority = ca.pem\ncertificate = a.pem\nkey = a.key\n"                                  \
	"[token]\nmodule = /m.so\nuri = pkcs11:token=a\npin_file = pin\n"                                \
	"[listen]\nunix = /tmp/a.socket\ntls = 127.0.0.1:7400\n"

static enum err parse(const char *text, struct node_config *config, struct complaint *complaint)
{
	*complaint = (struct complaint){ "" };
	return node_config_parse("/etc/craton/a.conf", text, strlen(text), config, complaint);
}

/* GOOD with `from` replaced by `to`. */
static char *with(const char *from, const char *to)
{
	const char *at = strstr(GOOD, from);
	char *text = NULL;
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	CU_ASSERT_FATAL(asprintf(&text, "%.*s%s%s", (int)(at - GOOD), GOOD, to, at + strlen(from)) > 0);
	return text;
}

static void refused(const char *from, const char *to, const char *because)
{
	struct node_config config;
	struct complaint complaint;
	char *text = with(from, to);
	CU_ASSERT_NOT_EQUAL(parse(text, &config, &complaint), ERR_OK);
	if (!strstr(complaint.text, because))
		printf("\n    \"%s\" does not say \"%s\"", complaint.text, because);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, because));
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "/etc/craton/a.conf"));
	CU_ASSERT_PTR_NULL(strchr(complaint.text, '\n'));
	free(text);
}

static void a_good_file_is_taken_with_its_presets(void)
{
	struct node_config config;
	struct complaint complaint;
	CU_ASSERT_EQUAL_FATAL(parse(GOOD, &config, &complaint), ERR_OK);
	CU_ASSERT_EQUAL(config.id, 1);
	CU_ASSERT_STRING_EQUAL(config.state_folder, "/etc/craton/state");
	CU_ASSERT_STRING_EQUAL(config.module, "/m.so");
	CU_ASSERT_EQUAL(config.founder_count, 2);
	CU_ASSERT_EQUAL(config.founders[1].address.port, 7411);
	CU_ASSERT_TRUE(config.listens_unix && config.listens_tls);
	CU_ASSERT_EQUAL(config.heartbeat_ms, 100);
	CU_ASSERT_EQUAL(config.contact_ms, config.election_ms);
	CU_ASSERT_EQUAL(config.connections, 1024);
	node_config_release(&config);
}

static void users_and_groups_are_looked_up(void)
{
	struct node_config config;
	struct complaint complaint;
	char *text = with("unix = /tmp/a.socket\n", "unix = /tmp/a.socket\nusers = daemon, @root bin\n");
	CU_ASSERT_EQUAL_FATAL(parse(text, &config, &complaint), ERR_OK);
	CU_ASSERT_EQUAL(config.user_count, 2);
	CU_ASSERT_EQUAL(config.group_count, 1);
	CU_ASSERT_EQUAL(config.groups[0], 0);
	node_config_release(&config);
	free(text);
}

static void a_node_that_joins_later_names_no_founders(void)
{
	struct node_config config;
	struct complaint complaint;
	const char *founders = strstr(GOOD, "[founder a]"), *tls = strstr(GOOD, "[tls]");
	char *text = NULL;
	CU_ASSERT_FATAL(asprintf(&text, "%.*s%s", (int)(founders - GOOD), GOOD, tls) > 0);
	CU_ASSERT_EQUAL_FATAL(parse(text, &config, &complaint), ERR_OK);
	CU_ASSERT_EQUAL(config.founder_count, 0);
	node_config_release(&config);
	free(text);
}

static void each_mistake_says_what_to_write(void)
{
	refused("id = 1\nname = a\n", "id = 0\nname = a\n", "id");
	refused("name = a\n", "name = a b\n", "is no name");
	refused("name = a\n", "nmae = a\n", "nmae");
	refused("state = state\n", "", "state");
	refused("listen = 127.0.0.1:7410\nsecret", "listen = 7410\nsecret", "[raft] listen");
	refused("listen = 127.0.0.1:7410\nsecret", "listen = unix:/a\nsecret", "host:port");
	refused("secret_file = secret\n", "secret_file = secret\nheartbeat = 900ms\n", "half or less");
	refused("secret_file = secret\n", "secret_file = secret\nelection = 1 hour\n", "election");
	refused("secret_file = secret\n", "secret_file = secret\ncontact = 2s\n", "[raft] contact=2000ms");
	refused("secret_file = secret\n", "secret_file = secret\ncontact = 150ms\n", "twice the heartbeat");
	refused("[founder b]\nid = 2", "[founder b]\nid = 1", "[founder");
	refused("[founder a]\nid = 1", "[founder a]\nid = 3", "does not agree with [node]");
	refused("[founder a]\nid = 1", "[founder c]\nid = 3", "no [founder a] section");
	refused("unix = /tmp/a.socket\ntls = 127.0.0.1:7400\n", "", "neither unix nor tls");
	refused("unix = /tmp/a.socket\n", "unix = /tmp/a.socket\nunix_mode = rw\n", "octal");
	refused("unix = /tmp/a.socket\n", "unix = /tmp/a.socket\nusers = nobody-of-that-name\n", "no user");
	refused("unix = /tmp/a.socket\n", "unix = /tmp/a.socket\nusers = @nobody-of-that-name\n", "no group");
	refused("[token]\nmodule = /m.so\n", "[token]\n", "module");
	refused("[tls]\nauthority = ca.pem\n", "[tls]\n", "authority");
	refused("[token]\n", "[token]\nsessions = 0\n", "sessions");
	refused("[listen]\n", "[log]\nlevel = loud\n[listen]\n", "level");
	refused("[listen]\n", "[listening]\n", "listening");
	refused("[token]\n", "[token]\nnode_generated = ed25519, rsa\n", "ed25519, ed448, x25519, x448");
	refused("[listen]\n", "[mechanism 0x250]\nparameter = bytes\n[listen]\n", "vendor's mechanism");
	refused("[listen]\n", "[mechanism CKM_MINE]\nparameter = bytes\n[listen]\n", "vendor's mechanism");
	refused("[listen]\n", "[mechanism 0x80000001]\nparameter = struct\n[listen]\n", "bytes");
}

static void what_is_declared_of_the_token_reaches_the_probe(void)
{
	struct node_config config;
	struct complaint complaint;
	char *text = with("[listen]\n", "[mechanism 0x80000001]\nparameter = bytes\n[mechanism 2147483650]\nparameter = bytes\n[listen]\n");
	CU_ASSERT_EQUAL_FATAL(parse(text, &config, &complaint), ERR_OK);
	CU_ASSERT(config.wishes.bytes_count == 2 && config.wishes.bytes[0] == 0x80000001 && config.wishes.bytes[1] == 0x80000002);
	CU_ASSERT_EQUAL(config.wishes.node_generated, 0);
	node_config_release(&config);
	free(text);
	text = with("[token]\n", "[token]\nnode_generated = ed25519, X448\n");
	CU_ASSERT_EQUAL_FATAL(parse(text, &config, &complaint), ERR_OK);
	CU_ASSERT_EQUAL(config.wishes.node_generated, HELD_ED25519 | HELD_X448);
	node_config_release(&config);
	free(text);
}

static void a_socket_path_that_the_kernel_would_cut_is_refused(void)
{
	char line[256];
	snprintf(line, sizeof line, "unix = /%0120d\n", 0);
	refused("unix = /tmp/a.socket\n", line, "longer than 107");
}

TESTS("node config", SAY(a_good_file_is_taken_with_its_presets), SAY(users_and_groups_are_looked_up),
      SAY(a_node_that_joins_later_names_no_founders), SAY(each_mistake_says_what_to_write),
      SAY(what_is_declared_of_the_token_reaches_the_probe), SAY(a_socket_path_that_the_kernel_would_cut_is_refused))
