#include "base/wait.h"
#include "tests/check.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_so;

static void a_wait_for_what_never_comes_ends_with_its_deadline(void)
{
	deadline_ms deadline = deadline_in(20);
	pthread_mutex_lock(&lock);
	while (wait_until(&changed, &lock, deadline))
		;
	CU_ASSERT(deadline_passed(deadline));
	pthread_mutex_unlock(&lock);
}

static void *make_it_so(void *argument)
{
	pthread_mutex_lock(&lock);
	is_so = true;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	return argument;
}

static void what_comes_is_noticed(void)
{
	static const deadline_ms deadlines[] = { DEADLINE_NEVER, INT64_MAX / 2 };
	for (size_t i = 0; i < 2; i++) {
		pthread_t thread;
		pthread_mutex_lock(&lock);
		is_so = false;
		pthread_create(&thread, NULL, make_it_so, NULL);
		while (!is_so)
			CU_ASSERT(wait_until(&changed, &lock, deadlines[i]));
		pthread_mutex_unlock(&lock);
		pthread_join(thread, NULL);
	}
}

TESTS("base/wait", SAY(a_wait_for_what_never_comes_ends_with_its_deadline), SAY(what_comes_is_noticed))
