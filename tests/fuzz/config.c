#include "base/config.h"
#include "tests/fuzz/fuzz.h"
#include <assert.h>
#include <string.h>

static const char *const choices[] = { "one", "two", NULL };
struct member {
	char *name, *address;
};
struct settings {
	char *text, *path;
	bool yes;
	int64_t number, ms;
	int choice;
	void *members;
	size_t member_count;
};

#define AT(field) .offset = offsetof(struct settings, field)
static const struct config_key keys[] = {
	{ "a", "text", CONFIG_TEXT, AT(text), .required = true, .hint = "a text" },
	{ "a", "path", CONFIG_PATH, AT(path), .preset = "p" },
	{ "a", "yes", CONFIG_BOOL, AT(yes), .preset = "no" },
	{ "b", "number", CONFIG_NUMBER, AT(number), .min = -5, .max = 5 },
	{ "b", "ms", CONFIG_MS, AT(ms), .preset = "1s", .min = 1, .max = 10000 },
	{ "b", "choice", CONFIG_CHOICE, AT(choice), .choices = choices, .hint = "one or two" },
	{ "m *", "address", CONFIG_TEXT, .offset = offsetof(struct member, address), .required = true },
	{ .section = NULL },
};
static const struct config_group groups[] = {
	{ "m", sizeof(struct member), offsetof(struct settings, members), offsetof(struct settings, member_count), 0, 3 },
	{ .kind = NULL },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings settings = { 0 };
	struct complaint complaint = { "" };
	enum err err = config_parse("folder/file", (const char *)data, size, keys, groups, &settings, &complaint);
	if (err == ERR_OK) {
		assert(settings.text && settings.number >= -5 && settings.number <= 5);
		assert(settings.ms >= 1 && settings.ms <= 10000 && settings.choice <= 1 && settings.member_count <= 3);
	} else {
		assert(complaint.text[0] && !settings.text && !settings.members);
		for (const char *c = complaint.text; *c; c++)
			assert((unsigned char)*c >= 0x20);
	}
	config_release(keys, groups, &settings);
	return 0;
}
