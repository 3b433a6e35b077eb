#include "base/err.h"
#include "tests/check.h"
#include <string.h>

static void every_error_has_a_word(void)
{
	for (int err = ERR_OK; err <= ERR_CONFIG; err++) {
		const char *name = err_name((enum err)err);
		CU_ASSERT(name && *name && !strpbrk(name, " ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
	}
	CU_ASSERT_STRING_EQUAL(err_name(ERR_NOT_LEADER), "not-leader");
}

static void a_complaint_returns_its_error(void)
{
	struct complaint complaint;
	CU_ASSERT_EQUAL(complain(&complaint, ERR_BUSY, "%s is %d", "it", 7), ERR_BUSY);
	CU_ASSERT_STRING_EQUAL(complaint.text, "it is 7");
	CU_ASSERT_EQUAL(complain(NULL, ERR_BUSY, "nobody listens"), ERR_BUSY);
}

static void a_long_complaint_is_cut(void)
{
	struct complaint complaint;
	complain(&complaint, ERR_IO, "%2000d", 1);
	CU_ASSERT_EQUAL(strlen(complaint.text), sizeof complaint.text - 1);
}

TESTS("base/err", SAY(every_error_has_a_word), SAY(a_complaint_returns_its_error), SAY(a_long_complaint_is_cut))
