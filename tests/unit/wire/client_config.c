#include "wire/client_config.h"
#include "base/file.h"
#include "tests/check.h"
#include "tests/support/certificates.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/craton-test-XXXXXX";
static struct client_config config;
static struct complaint complaint;

static const char *in_folder(const char *name)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static enum err load(const char *text)
{
	complaint.text[0] = '\0';
	CU_ASSERT_EQUAL_FATAL(file_write(in_folder("craton.conf"), text, strlen(text), 0600), ERR_OK);
	return client_config_load(in_folder("craton.conf"), &config, &complaint);
}

static void refuses(const char *text, const char *words)
{
	CU_ASSERT_EQUAL(load(text), ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, words));
	if (!strstr(complaint.text, words))
		printf("\n  wanted: %s\n  got:    %s\n", words, complaint.text);
	CU_ASSERT(!config.file && !config.members);
}

static void there_is_a_folder(void)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	unsetenv("CRATON_CONF");
}

static void one_member_is_enough(void)
{
	struct tls *tls = (struct tls *)&config;
	CU_ASSERT_EQUAL_FATAL(load("[member a]\naddress = unix:/run/craton/a.sock\n"), ERR_OK);
	CU_ASSERT_STRING_EQUAL(config.file, in_folder("craton.conf"));
	CU_ASSERT_EQUAL_FATAL(config.member_count, 1);
	CU_ASSERT_STRING_EQUAL(config.members[0].name, "a");
	CU_ASSERT(config.members[0].address.is_unix);
	CU_ASSERT(config.slot == 1 && config.connect_ms == 2000 && config.command_ms == 20000);
	CU_ASSERT(config.recovery_retries == -1 && config.recovery_interval_ms == 1000 && config.recovery_mode == RECOVERY_ENHANCED);
	CU_ASSERT_EQUAL(config.recovery_wait_ms, 0);
	CU_ASSERT(config.hedge_mode == HEDGE_AUTO && config.hedge_least_ms == 20 && config.hedge_most_ms == 200);
	CU_ASSERT_EQUAL(config.replay_size, 1 << 20);
	CU_ASSERT_EQUAL(client_config_tls(&config, &tls, &complaint), ERR_OK);
	CU_ASSERT_PTR_NULL(tls);
	client_config_release(&config);
}

static void everything_can_be_said(void)
{
	CU_ASSERT_EQUAL_FATAL(load("[tls]\nauthority = ca.crt\ncertificate = /x/c.crt\nkey = c.key\n[slot]\nid = 3\n[timeouts]\nconnect=1s\n"
	                           "command=5s\n[recovery]\nretries=5\ninterval=250ms\nmode=basic\nwait=3s\nreplay=5000\n[hedge]\nmode=off\nleast=5ms\nmost=1s\n"
	                           "[member a]\naddress = unix:/a\n[member b]\naddress = b.example:7000\n"), ERR_OK);
	CU_ASSERT_STRING_EQUAL(config.authority_file, in_folder("ca.crt"));
	CU_ASSERT_STRING_EQUAL(config.certificate_file, "/x/c.crt");
	CU_ASSERT(config.slot == 3 && config.connect_ms == 1000 && config.command_ms == 5000);
	CU_ASSERT(config.recovery_retries == 5 && config.recovery_interval_ms == 250 && config.recovery_mode == RECOVERY_BASIC);
	CU_ASSERT_EQUAL(config.replay_size, 5000);
	CU_ASSERT(config.recovery_wait_ms == 3000 && config.hedge_mode == HEDGE_OFF && config.hedge_least_ms == 5 && config.hedge_most_ms == 1000);
	CU_ASSERT(config.member_count == 2 && config.members[1].address.port == 7000);
	client_config_release(&config);
}

static void a_slot_has_a_number_or_a_label(void)
{
	CU_ASSERT_EQUAL_FATAL(load("[member a]\naddress = unix:/a\n[slot]\nlabel = card payments\n"), ERR_OK);
	CU_ASSERT_EQUAL(config.slot, 0);
	CU_ASSERT_STRING_EQUAL(config.slot_label, "card payments");
	client_config_release(&config);
	CU_ASSERT_EQUAL_FATAL(load("[member a]\naddress = unix:/a\n"), ERR_OK);
	CU_ASSERT(config.slot == 1 && !config.slot_label);
	client_config_release(&config);
}

static void a_mistake_is_told(void)
{
	refuses("", "needs at least 1 section [member NAME]");
	refuses("[member a]\n", "[member a] address: missing; write address = unix:/run/craton/a.sock or host:port");
	refuses("[member a]\naddress = nowhere\n", "[member a] address = \"nowhere\": not an address with a port");
	refuses("[member a]\naddress = h:1\n", "[tls] authority: missing; [member a] is not a unix: address");
	refuses("[member a]\naddress = unix:/a\n[tls]\nauthority = x\nkey = y\n", "[tls] certificate: missing");
	refuses("[member a]\naddress = unix:/a\n[slot]\nid = 2\nlabel = payments\n", "[slot] id and label: write one of them");
	refuses("[member a]\naddress = unix:/a\n[slot]\nid = 0\n", "[slot] id");
	refuses("[member a]\naddress = unix:/a\n[recovery]\nmode = magic\n", "write enhanced or basic");
	refuses("[member a]\naddress = unix:/a\n[hedge]\nmost = 10ms\n", "least is more than most");
}

static void it_is_looked_for_in_three_places(void)
{
	char path[512];
	setenv("HOME", folder, 1);
	unsetenv("CRATON_CONF");
	if (access("/etc/craton/craton.conf", F_OK) != 0) {
		CU_ASSERT_EQUAL(client_config_load(NULL, &config, &complaint), ERR_CONFIG);
		CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "~/.config/craton/craton.conf"));
		CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "/etc/craton/craton.conf"));
		CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "CRATON_CONF"));
	}
	CU_ASSERT_EQUAL(file_make_folder(in_folder(".config/craton"), 0700), ERR_OK);
	snprintf(path, sizeof path, "%s", in_folder(".config/craton/craton.conf"));
	CU_ASSERT_EQUAL(file_write(path, "[member h]\naddress = unix:/h\n", 29, 0600), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(client_config_load(NULL, &config, &complaint), ERR_OK);
	CU_ASSERT_STRING_EQUAL(config.members[0].name, "h");
	client_config_release(&config);
	CU_ASSERT_EQUAL(load("[member e]\naddress = unix:/e\n"), ERR_OK);
	client_config_release(&config);
	setenv("CRATON_CONF", in_folder("craton.conf"), 1);
	CU_ASSERT_EQUAL_FATAL(client_config_load(NULL, &config, &complaint), ERR_OK);
	CU_ASSERT_STRING_EQUAL(config.members[0].name, "e");
	client_config_release(&config);
	setenv("CRATON_CONF", in_folder("not-there"), 1);
	CU_ASSERT_EQUAL(client_config_load(NULL, &config, &complaint), ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "not-there: cannot be read"));
	unsetenv("CRATON_CONF");
}

static void its_tls_is_that_of_its_files(void)
{
	struct test_authority *authority = test_authority_create();
	struct identity who = { IDENTITY_CLIENT, "web" };
	struct tls *tls = NULL;
	char text[2048];
	test_authority_issue_identity(authority, "web", &who);
	snprintf(text, sizeof text, "[tls]\nauthority=%s\ncertificate=%s\nkey=%s\n[member a]\naddress=localhost:1\n",
	         test_authority_file(authority, "authority", "crt"), test_authority_file(authority, "web", "crt"),
	         test_authority_file(authority, "web", "key"));
	CU_ASSERT_EQUAL_FATAL(load(text), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(client_config_tls(&config, &tls, &complaint), ERR_OK);
	CU_ASSERT_STRING_EQUAL(tls_identity(tls)->name, "web");
	tls_destroy(tls);
	client_config_release(&config);
	test_authority_destroy(authority);
}

static void all_is_removed(void)
{
	static const char *const left[] = { ".config/craton/craton.conf", ".config/craton", ".config", "craton.conf", "" };
	for (size_t i = 0; i < sizeof left / sizeof *left; i++)
		CU_ASSERT_EQUAL(remove(in_folder(left[i])), 0);
}

TESTS("wire/client_config", SAY(there_is_a_folder), SAY(one_member_is_enough), SAY(everything_can_be_said), SAY(a_slot_has_a_number_or_a_label), SAY(a_mistake_is_told),
      SAY(it_is_looked_for_in_three_places), SAY(its_tls_is_that_of_its_files), SAY(all_is_removed))
