#include "pkcs11/text.h"
#include "tests/check.h"
#include <string.h>

static void a_short_text_is_padded_with_blanks(void)
{
	unsigned char field[8];
	PAD(field, "abc");
	CU_ASSERT(memcmp(field, "abc     ", 8) == 0);
	PAD(field, "");
	CU_ASSERT(memcmp(field, "        ", 8) == 0);
	PAD(field, "12345678");
	CU_ASSERT(memcmp(field, "12345678", 8) == 0);
}

static void a_long_text_is_cut_between_characters(void)
{
	unsigned char field[8];
	PAD(field, "123456789");
	CU_ASSERT(memcmp(field, "12345678", 8) == 0);
	PAD(field, "1234567\xc3\xa4"); /* an umlaut of two bytes does not fit */
	CU_ASSERT(memcmp(field, "1234567 ", 8) == 0);
	PAD(field, "123456\xc3\xa4" "9");
	CU_ASSERT(memcmp(field, "123456\xc3\xa4", 8) == 0);
}

static void trimming_takes_the_blanks_away(void)
{
	char out[9];
	text_trim((const unsigned char *)"a b     ", 8, out);
	CU_ASSERT_STRING_EQUAL(out, "a b");
	text_trim((const unsigned char *)"        ", 8, out);
	CU_ASSERT_STRING_EQUAL(out, "");
	text_trim((const unsigned char *)"12345678", 8, out);
	CU_ASSERT_STRING_EQUAL(out, "12345678");
}

TESTS("pkcs11 text", SAY(a_short_text_is_padded_with_blanks), SAY(a_long_text_is_cut_between_characters),
	SAY(trimming_takes_the_blanks_away))
