/* The frame of a unit test: a table of sentences, each a function.
 *
 *	TESTS("buf", SAY(a_buffer_never_grows_past_its_limit), ...)
 *
 * gives main(). The process ends non-zero if a sentence is not true. */
#pragma once
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdio.h>

struct sentence {
	const char *name;
	void (*story)(void);
};
#define SAY(story) { #story, story }

static inline int check_run(const char *suite_name, const struct sentence *sentences, size_t count)
{
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	CU_pSuite suite = CU_add_suite(suite_name, NULL, NULL);
	for (size_t i = 0; suite && i < count; i++)
		if (!CU_add_test(suite, sentences[i].name, sentences[i].story))
			suite = NULL;
	if (!suite)
		return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	unsigned failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}

#define TESTS(suite_name, ...)                                                                 \
	int main(void)                                                                         \
	{                                                                                      \
		setvbuf(stdout, NULL, _IOLBF, 0);                                              \
		static const struct sentence sentences[] = { __VA_ARGS__ };                    \
		return check_run(suite_name, sentences, sizeof sentences / sizeof *sentences); \
	}
