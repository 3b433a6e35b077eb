#include "base/clock.h"
#include "tests/check.h"
#include <limits.h>

static void a_passed_deadline_has_nothing_left(void)
{
	CU_ASSERT_EQUAL(deadline_left(clock_ms() - 1), 0);
	CU_ASSERT_EQUAL(deadline_left(deadline_in(-5)), 0);
	CU_ASSERT(deadline_passed(deadline_in(0)));
}

static void a_far_deadline_fits_poll(void)
{
	CU_ASSERT_EQUAL(deadline_left(DEADLINE_NEVER - 1), INT_MAX);
	int left = deadline_left(deadline_in(3600000));
	CU_ASSERT(left > 0 && left <= 3600000);
}

static void never_is_minus_one_and_does_not_pass(void)
{
	CU_ASSERT_EQUAL(deadline_left(DEADLINE_NEVER), -1);
	CU_ASSERT(!deadline_passed(DEADLINE_NEVER));
	CU_ASSERT_EQUAL(deadline_in(INT64_MAX), DEADLINE_NEVER);
}

static void clocks_agree_with_each_other(void)
{
	int64_t before = clock_ms(), us = clock_us(), after = clock_ms();
	CU_ASSERT(before <= us / 1000 && us / 1000 <= after);
	CU_ASSERT(clock_wall_ms() > 1700000000000); /* after 2023 */
	CU_ASSERT(clock_boot_ms() >= after); /* it counts all that the other one does */
}

TESTS("base/clock", SAY(a_passed_deadline_has_nothing_left), SAY(a_far_deadline_fits_poll),
      SAY(never_is_minus_one_and_does_not_pass), SAY(clocks_agree_with_each_other))
