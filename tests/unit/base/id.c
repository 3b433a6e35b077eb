#include "base/id.h"
#include "tests/check.h"
#include <string.h>

static void text_and_back(void)
{
	struct id id, back;
	char text[ID_TEXT_SIZE];
	CU_ASSERT(id_from_bytes(&id, "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\xfe\xff", ID_SIZE));
	id_text(&id, text);
	CU_ASSERT_STRING_EQUAL(text, "000102030405060708090a0b0c0dfeff");
	CU_ASSERT(id_parse(&back, text) && id_equal(&id, &back));
	CU_ASSERT(id_parse(&back, "000102030405060708090A0B0C0DFEFF") && id_equal(&id, &back));
}

static void what_is_no_id_is_refused_and_changes_nothing(void)
{
	struct id id = { { 5 } };
	static const char *const wrong[] = {
		"", "00", "000102030405060708090a0b0c0dfef", "000102030405060708090a0b0c0dfeff0",
		"000102030405060708090a0b0c0dfeg0", "0x0102030405060708090a0b0c0dfeff", " 00102030405060708090a0b0c0dfeff",
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		CU_ASSERT(!id_parse(&id, wrong[i]));
	CU_ASSERT(!id_from_bytes(&id, "short", 5));
	CU_ASSERT(!id_from_bytes(&id, NULL, ID_SIZE));
	CU_ASSERT_EQUAL(id.bytes[0], 5);
}

static void random_ids_differ(void)
{
	struct id a = id_random(), b = id_random(), zero = { { 0 } };
	CU_ASSERT(!id_equal(&a, &b) && !id_is_zero(&a));
	CU_ASSERT(id_is_zero(&zero));
}

static void random_bytes_fill_what_they_are_given(void)
{
	static uint8_t much[100000];
	size_t zeros = 0;
	random_bytes(much, sizeof much);
	for (size_t i = 0; i < sizeof much; i++)
		zeros += much[i] == 0;
	CU_ASSERT(zeros > 0 && zeros < 2000); /* 390 are to be expected */
}

TESTS("base/id", SAY(text_and_back), SAY(what_is_no_id_is_refused_and_changes_nothing), SAY(random_ids_differ),
      SAY(random_bytes_fill_what_they_are_given))
