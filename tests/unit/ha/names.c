/* A name server that takes its time, and who waits for it: nobody who could go elsewhere. */
#include "ha/names.h"
#include "ha/remote.h"
#include "tests/support/fake_node.h"
#include "tests/unit/ha/latch.h"
#include "tests/unit/ha/two.h"
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>

/* ---- the name server: libc's function, in whose place this one stands */

static struct latch asked = LATCH_INIT, answers = LATCH_INIT, answered = LATCH_INIT;

typedef int looking(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out);

int getaddrinfo(const char *restrict host, const char *restrict port, const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
	looking *libc = (looking *)(uintptr_t)dlsym(RTLD_NEXT, "getaddrinfo");
	if (strcmp(host, "127.0.0.1") == 0)
		return libc(host, port, hints, out);
	if (hints->ai_flags & AI_NUMERICHOST)
		return EAI_NONAME;
	latch_add(&asked, 1);
	latch_wait(&answers, latch_value(&asked));
	int error = strcmp(host, "slow.test") == 0 ? libc("127.0.0.1", port, hints, out) : EAI_NONAME;
	latch_add(&answered, 1);
	return error;
}

/* It will answer so many. */
static void start_server(unsigned long count)
{
	latch_set(&asked, 0);
	latch_set(&answered, 0);
	latch_set(&answers, count);
}

/* After so many: nobody is still asking it. */
static void stop_server(unsigned long count)
{
	latch_wait(&asked, count);
	latch_set(&answers, count);
	latch_wait(&answered, count);
	CU_ASSERT_EQUAL(latch_value(&asked), count);
}

static struct names *names_of(const char *host, bool may_start_threads)
{
	struct address address = { .port = 7400 };
	snprintf(address.host, sizeof address.host, "%s", host);
	struct names *names = names_create(&address, may_start_threads);
	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	return names;
}

static struct resolved where;

static bool is_readable(int fd, int wait_ms)
{
	return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, wait_ms) == 1;
}

static void a_number_is_never_looked_up(void)
{
	start_server(0);
	struct names *names = names_of("127.0.0.1", true);
	CU_ASSERT_EQUAL(names_want(names, &where), ERR_OK);
	CU_ASSERT_EQUAL(where.count, 1);
	names_destroy(names);
	stop_server(0);
}

static void who_wants_a_name_is_told_when_it_is_known(void)
{
	start_server(0);
	struct names *names = names_of("slow.test", true);
	CU_ASSERT_EQUAL(names_want(names, &where), ERR_OK);
	CU_ASSERT_EQUAL(where.count, 0);
	CU_ASSERT_EQUAL(names_want(names, &where), ERR_OK); /* it is asked for once, for all who want it */
	CU_ASSERT(!is_readable(names_fd(names), 0));
	latch_set(&answers, 1);
	CU_ASSERT(is_readable(names_fd(names), 10000));
	CU_ASSERT_EQUAL(names_found(names, &where), ERR_OK);
	CU_ASSERT_EQUAL(where.count, 1);
	CU_ASSERT(is_readable(names_fd(names), 0)); /* for others, too */
	names_destroy(names);
	stop_server(1);
}

static void what_is_known_is_used_while_it_is_looked_up_anew(void)
{
	start_server(1);
	struct names *names = names_of("slow.test", true);
	names_want(names, &where);
	CU_ASSERT(is_readable(names_fd(names), 10000));
	CU_ASSERT_EQUAL(names_want(names, &where), ERR_OK);
	CU_ASSERT_EQUAL(where.count, 1);
	latch_wait(&asked, 2);
	CU_ASSERT_EQUAL(names_want(names, &where), ERR_OK);
	CU_ASSERT_EQUAL(where.count, 1);
	names_destroy(names);
	stop_server(2);
}

static void a_host_that_nobody_knows_is_asked_for_again_by_the_next(void)
{
	start_server(2);
	struct names *names = names_of("nowhere.test", true);
	names_want(names, &where);
	CU_ASSERT(is_readable(names_fd(names), 10000));
	CU_ASSERT_EQUAL(names_found(names, &where), ERR_NOT_FOUND);
	names_want(names, &where);
	names_destroy(names);
	stop_server(2);
}

static void without_threads_it_is_looked_up_by_who_wants_it(void)
{
	start_server(1);
	struct names *names = names_of("slow.test", false);
	CU_ASSERT_EQUAL(names_want(names, &where), ERR_OK);
	CU_ASSERT_EQUAL(where.count, 1);
	names_destroy(names);
	stop_server(1);
}

/* C_Finalize does not wait for a name server. */
static void who_has_gone_is_not_kept_by_a_lookup(void)
{
	start_server(0);
	struct names *names = names_of("slow.test", true);
	names_want(names, &where);
	names_destroy(names);
	CU_ASSERT_EQUAL(latch_value(&answered), 0);
	stop_server(1);
}

static void an_interrupt_ends_the_wait_for_a_name(void)
{
	start_server(0);
	struct names *names = names_of("slow.test", true);
	names_want(names, &where);
	names_interrupt(names);
	CU_ASSERT(is_readable(names_fd(names), 10000));
	CU_ASSERT_EQUAL(names_found(names, &where), ERR_CLOSED);
	names_destroy(names);
	stop_server(1);
}

/* ---- calls, and the look for who is silent */

static char folder[] = "/tmp/craton-test-XXXXXX";

static void answer(void *context, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	(void)context;
	(void)call;
	(void)request;
	reply->index = 1;
}

static void a_slow_name_server_keeps_no_call_from_the_other_member(void)
{
	struct client_member by_name = { .name = (char *)(uintptr_t)"a", .address = { .port = 7400, .host = "slow.test" } };
	struct client_member by_path = { .name = (char *)(uintptr_t)"b", .address = { .is_unix = true } };
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(by_path.address.host, sizeof by_path.address.host, "%s/b", folder);
	start_server(0);
	struct fake_node *node = fake_node_start("b", by_path.address.host, answer, NULL);
	struct member *members[] = { remote_create(&by_name, NULL, 3600000, true), remote_create(&by_path, NULL, 60000, true) };
	struct group *group = group_create(&watchful, members, 2);
	for (int i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT(members[0]->suspect);
	group_destroy(group);
	stop_server(1);
	fake_node_stop(node);
	unlink(by_path.address.host);
	rmdir(folder);
}

TESTS("ha names", SAY(a_number_is_never_looked_up), SAY(who_wants_a_name_is_told_when_it_is_known),
	SAY(what_is_known_is_used_while_it_is_looked_up_anew), SAY(a_host_that_nobody_knows_is_asked_for_again_by_the_next),
	SAY(without_threads_it_is_looked_up_by_who_wants_it), SAY(who_has_gone_is_not_kept_by_a_lookup),
	SAY(an_interrupt_ends_the_wait_for_a_name),
	SAY(a_slow_name_server_keeps_no_call_from_the_other_member))
