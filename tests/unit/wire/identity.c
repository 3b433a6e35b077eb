#include "wire/identity.h"
#include "tests/check.h"
#include <string.h>

static bool parses(const char *text)
{
	struct identity identity;
	return identity_parse(&identity, text, strlen(text));
}

static void text_and_back(void)
{
	static const char *const good[] = { "craton:node:a", "craton:client:web-1.example", "craton:admin:Anna_B" };
	char text[IDENTITY_TEXT_SIZE];
	for (size_t i = 0; i < 3; i++) {
		struct identity identity;
		CU_ASSERT(identity_parse(&identity, good[i], strlen(good[i])));
		CU_ASSERT_EQUAL(identity.kind, (enum identity_kind)i);
		identity_text(&identity, text);
		CU_ASSERT_STRING_EQUAL(text, good[i]);
	}
}

static void what_is_no_identity_is_refused(void)
{
	char longest[13 + IDENTITY_NAME_MAX + 2] = "craton:admin:";
	memset(longest + 13, 'x', IDENTITY_NAME_MAX);
	longest[13 + IDENTITY_NAME_MAX] = '\0';
	CU_ASSERT(parses(longest));
	strcat(longest, "x");
	CU_ASSERT(!parses(longest));
	CU_ASSERT(!parses("") && !parses("craton:") && !parses("craton:node:") && !parses("craton:king:a"));
	CU_ASSERT(!parses("craton:node:a b") && !parses("craton:node:a/b") && !parses("craton:node:a\n"));
	CU_ASSERT(!parses("Craton:node:a") && !parses("craton:nodes:a") && !parses("craton:node:a:b"));
	struct identity identity;
	CU_ASSERT(!identity_parse(&identity, "craton:node:a\0b", 15));
}

static void an_empty_name_expects_anybody_of_that_kind(void)
{
	struct identity a = { IDENTITY_NODE, "a" }, b = { IDENTITY_NODE, "b" };
	struct identity any = { IDENTITY_NODE, "" }, client = { IDENTITY_CLIENT, "" };
	CU_ASSERT(identity_is(&a, NULL) && identity_is(&a, &any) && identity_is(&a, &a));
	CU_ASSERT(!identity_is(&a, &b) && !identity_is(&a, &client));
}

static void a_local_user_is_a_number(void)
{
	char text[IDENTITY_TEXT_SIZE];
	identity_text(&(struct identity){ IDENTITY_LOCAL_USER, "uid:1000" }, text);
	CU_ASSERT_STRING_EQUAL(text, "uid:1000");
}

TESTS("wire/identity", SAY(text_and_back), SAY(what_is_no_identity_is_refused),
      SAY(an_empty_name_expects_anybody_of_that_kind), SAY(a_local_user_is_a_number))
