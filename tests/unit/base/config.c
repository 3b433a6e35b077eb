#include "base/config.h"
#include "base/file.h"
#include "tests/check.h"
#include <stdlib.h>
#include <string.h>

static const char *const colours[] = { "red", "green", NULL };

struct member {
	char *name, *address;
	int64_t weight;
};
struct settings {
	char *name, *module, *note;
	bool loud;
	int64_t count, wait_ms;
	int colour;
	void *members;
	size_t member_count;
};

#define AT(field) .offset = offsetof(struct settings, field)
static const struct config_key keys[] = {
	{ "node", "name", CONFIG_TEXT, AT(name), .required = true, .hint = "the node's name" },
	{ "node", "loud", CONFIG_BOOL, AT(loud), .preset = "yes", .hint = "yes or no" },
	{ "node", "count", CONFIG_NUMBER, AT(count), .preset = "3", .min = 1, .max = 7, .hint = "1 to 7" },
	{ "node", "colour", CONFIG_CHOICE, AT(colour), .preset = "green", .choices = colours, .hint = "red or green" },
	{ "token", "module", CONFIG_PATH, AT(module), .preset = "lib/token.so" },
	{ "token", "note", CONFIG_TEXT, AT(note) },
	{ "timeouts", "command", CONFIG_MS, AT(wait_ms), .preset = "20s", .min = 1, .max = 3600000, .hint = "for example 20s" },
	{ "member *", "address", CONFIG_TEXT, .offset = offsetof(struct member, address), .required = true, .hint = "host:port" },
	{ "member *", "weight", CONFIG_NUMBER, .offset = offsetof(struct member, weight), .preset = "1", .min = 0, .max = 9 },
	{ .section = NULL },
};
static const struct config_group groups[] = {
	{ "member", sizeof(struct member), offsetof(struct settings, members), offsetof(struct settings, member_count), 0, 3 },
	{ .kind = NULL },
};

static struct settings settings;
static struct complaint complaint;

static enum err parse(const char *text)
{
	settings = (struct settings){ 0 };
	complaint.text[0] = '\0';
	return config_parse("/etc/x/test.conf", text, strlen(text), keys, groups, &settings, &complaint);
}

static void release(void)
{
	config_release(keys, groups, &settings);
}

/* A mistake gives one line with these words in it, and leaves no memory behind. */
static void refuses(const char *text, const char *words)
{
	CU_ASSERT_EQUAL(parse(text), ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, words));
	if (!strstr(complaint.text, words))
		printf("\n  wanted: %s\n  got:    %s\n", words, complaint.text);
	CU_ASSERT(!settings.name && !settings.module && !settings.members);
}

static void presets_hold_where_the_file_is_silent(void)
{
	CU_ASSERT_EQUAL_FATAL(parse("[node]\nname = a\n"), ERR_OK);
	CU_ASSERT_STRING_EQUAL(settings.name, "a");
	CU_ASSERT(settings.loud && settings.count == 3 && settings.colour == 1 && settings.wait_ms == 20000);
	CU_ASSERT_STRING_EQUAL(settings.module, "/etc/x/lib/token.so");
	CU_ASSERT_PTR_NULL(settings.note);
	release();
}

static void what_is_written_counts(void)
{
	CU_ASSERT_EQUAL_FATAL(parse("\xef\xbb\xbf# a comment\n; another\n\n[node]\r\nname=b   ; the second\ncount : 7\n"
	                            "loud = false\ncolour = red\n\n[token]\nmodule = /opt/t.so\nnote = pkcs11:token=x;serial=1 # y\n"
	                            "[timeouts]\ncommand = 2m"), ERR_OK);
	CU_ASSERT_STRING_EQUAL(settings.name, "b");
	CU_ASSERT(!settings.loud && settings.count == 7 && settings.colour == 0 && settings.wait_ms == 120000);
	CU_ASSERT_STRING_EQUAL(settings.module, "/opt/t.so");
	CU_ASSERT_STRING_EQUAL(settings.note, "pkcs11:token=x;serial=1 # y");
	release();
}

static void sections_may_come_in_any_number_and_order(void)
{
	CU_ASSERT_EQUAL_FATAL(parse("[member b]\naddress = h:1\n[node]\nname = a\n[member a.b-c_1]\nweight = 5\naddress = h:2\n"), ERR_OK);
	struct member *members = settings.members;
	CU_ASSERT_EQUAL_FATAL(settings.member_count, 2);
	CU_ASSERT_STRING_EQUAL(members[0].name, "b");
	CU_ASSERT_STRING_EQUAL(members[0].address, "h:1");
	CU_ASSERT_EQUAL(members[0].weight, 1);
	CU_ASSERT_STRING_EQUAL(members[1].name, "a.b-c_1");
	CU_ASSERT_STRING_EQUAL(members[1].address, "h:2");
	CU_ASSERT_EQUAL(members[1].weight, 5);
	release();
}

static void indented_lines_are_ordinary_lines(void)
{
	CU_ASSERT_EQUAL_FATAL(parse("  [node]\n\tname = a\n\tcount = 5\n   # note\n"), ERR_OK);
	CU_ASSERT_STRING_EQUAL(settings.name, "a");
	CU_ASSERT_EQUAL(settings.count, 5);
	release();
}

static void times_have_units(void)
{
	static const struct { const char *text; int64_t ms; } good[] = {
		{ "[node]\nname=a\n[timeouts]\ncommand=250", 250 }, { "[node]\nname=a\n[timeouts]\ncommand=250ms", 250 },
		{ "[node]\nname=a\n[timeouts]\ncommand=2s", 2000 }, { "[node]\nname=a\n[timeouts]\ncommand=1h", 3600000 },
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		CU_ASSERT_EQUAL(parse(good[i].text), ERR_OK);
		CU_ASSERT_EQUAL(settings.wait_ms, good[i].ms);
		release();
	}
}

static void a_wrong_value_is_told_with_its_place_and_its_remedy(void)
{
	refuses("[node]\nname = a\n\n[timeouts]\ncommand = abc\n",
	        "/etc/x/test.conf:5: [timeouts] command = \"abc\": not a time; write for example 20s");
	refuses("[timeouts]\ncommand = 2 s\n", "\"2 s\": not a time");
	refuses("[timeouts]\ncommand = 0\n", "too small");
	refuses("[timeouts]\ncommand = 2h\n", "too large");
	refuses("[timeouts]\ncommand = 9999999999999999999999s\n", "not a time");
	refuses("[timeouts]\ncommand = 9223372036854775807h\n", "too large");
	refuses("[node]\ncount = 8\n", ":2: [node] count = \"8\": too large; write 1 to 7");
	refuses("[node]\ncount = 3x\n", "not a number");
	refuses("[node]\nloud = maybe\n", "neither yes nor no; write yes or no");
	refuses("[node]\ncolour = blue\n", "not one of the choices; write red or green");
	refuses("[node]\nname =\n", "empty; write the node's name");
}

static void an_unknown_name_is_told_with_its_neighbour(void)
{
	refuses("[node]\nnmae = a\n", ":2: [node] nmae: there is no such key; did you mean name?");
	refuses("[node]\nrubbish = a\n", "[node] rubbish: there is no such key");
	refuses("[nod]\nname = a\n", ":1: [nod]: there is no such section; did you mean [node]?");
	refuses("[rubbish]\n", "[rubbish]: there is no such section");
	refuses("[member a]\nadress = x\n", ":2: [member a] adress: there is no such key; did you mean address?");
	refuses("name = a\n", ":1: name: stands before any [section]");
}

static void what_stands_twice_is_a_mistake(void)
{
	refuses("[node]\nname = a\nname = a\n", ":3: [node] name: stands twice");
	refuses("[node]\nname = a\n[token]\n[node]\n", ":4: [node]: stands twice");
	refuses("[member a]\naddress = x\n[member a]\n", ":3: [member a]: stands twice");
	refuses("[member a]\naddress = x\naddress = x\n", ":3: [member a] address: stands twice");
}

static void what_is_required_is_missed(void)
{
	refuses("", "/etc/x/test.conf: [node] name: missing; write name = the node's name");
	refuses("[node]\nname=a\n[member a]\nweight = 1\n[token]\n", "[member a] address: missing; write address = host:port");
	refuses("[node]\nname=a\n[member a]\n", "[member a] address: missing");
}

static void a_group_has_its_limits(void)
{
	refuses("[node]\nname=a\n[member a]\naddress=x\n[member b]\naddress=x\n[member c]\naddress=x\n[member d]\n", "at most 3");
	refuses("[member]\n", "the name must be");
	refuses("[member a b]\n", "the name must be");
	refuses("[member a/b]\n", "the name must be");
	refuses("[member ]\n", "the name must be");
}

static void lines_that_are_nothing_are_mistakes(void)
{
	refuses("[node]\nname\n", ":2: neither a [section], nor key = value");
	refuses("[node\nname = a\n", ":1: \"[node");
	refuses("[node]\nname = a\n= b\n", "there is no such key");
}

static void long_lines_are_mistakes_and_not_silence(void)
{
	char text[2000];
	memset(text, 'x', sizeof text);
	memcpy(text, "[node]\nname = ", 14);
	text[sizeof text - 1] = '\0';
	refuses(text, ":2: the line is longer than");
	text[0] = '[';
	memset(text + 1, 'm', 150);
	memcpy(text + 150, "]\n", 3);
	refuses(text, "section's name is too long");
}

static void zero_bytes_and_control_bytes_do_no_harm(void)
{
	settings = (struct settings){ 0 };
	CU_ASSERT_EQUAL(config_parse("f", "[node]\nname = a\0b\n", 18, keys, groups, &settings, &complaint), ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "f:2: the line has a NUL byte in it"));
	refuses("[node]\ncount = \x1b[31m\n", "\"?[31m\"");
}

static void a_file_is_found_or_told_why_not(void)
{
	char path[] = "/tmp/craton-test-XXXXXX";
	static char big[(1 << 20) + 2];
	CU_ASSERT_NOT_EQUAL_FATAL(mkstemp(path), -1);
	settings = (struct settings){ 0 };
	CU_ASSERT_EQUAL(file_write(path, "[node]\nname=a\n", 14, 0644), ERR_OK);
	CU_ASSERT_EQUAL(config_load(path, keys, groups, &settings, &complaint), ERR_OK);
	CU_ASSERT_STRING_EQUAL(settings.module, "/tmp/lib/token.so");
	release();
	memset(big, '\n', sizeof big);
	CU_ASSERT_EQUAL(file_write(path, big, sizeof big, 0644), ERR_OK);
	CU_ASSERT_EQUAL(config_load(path, keys, groups, &settings, &complaint), ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "larger than"));
	remove(path);
	CU_ASSERT_EQUAL(config_load(path, keys, groups, &settings, &complaint), ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "cannot be read: No such file"));
}

TESTS("base/config", SAY(presets_hold_where_the_file_is_silent), SAY(what_is_written_counts),
      SAY(sections_may_come_in_any_number_and_order), SAY(indented_lines_are_ordinary_lines), SAY(times_have_units),
      SAY(a_wrong_value_is_told_with_its_place_and_its_remedy), SAY(an_unknown_name_is_told_with_its_neighbour),
      SAY(what_stands_twice_is_a_mistake), SAY(what_is_required_is_missed), SAY(a_group_has_its_limits),
      SAY(lines_that_are_nothing_are_mistakes), SAY(long_lines_are_mistakes_and_not_silence),
      SAY(zero_bytes_and_control_bytes_do_no_harm), SAY(a_file_is_found_or_told_why_not))
