/* What the members say of themselves, put together. */
#include "cli/status.h"
#include "tests/check.h"
#include <stdlib.h>
#include <string.h>

/* As many members as letters: each letter a cluster, '-' one that has none yet. The strange ones as '!'. */
static const char *strange(const char *clusters)
{
	static char marks[16];
	struct member_status statuses[16] = { 0 };
	size_t count = strlen(clusters);
	for (size_t i = 0; i < count; i++)
		if (clusters[i] != '-')
			statuses[i].cluster.bytes[0] = (uint8_t)clusters[i];
	members_find_strange(statuses, count);
	for (size_t i = 0; i < count; i++)
		marks[i] = statuses[i].is_strange ? '!' : '.';
	marks[count] = '\0';
	return marks;
}

static void who_belongs_to_another_cluster_than_most_is_strange(void)
{
	CU_ASSERT_STRING_EQUAL(strange("aaa"), "...");
	CU_ASSERT_STRING_EQUAL(strange("baa"), "!..");
	CU_ASSERT_STRING_EQUAL(strange("aab"), "..!");
	CU_ASSERT_STRING_EQUAL(strange("ab"), ".!");
	CU_ASSERT_STRING_EQUAL(strange("--b"), "...");
	CU_ASSERT_STRING_EQUAL(strange("-ab-b"), ".!...");
	CU_ASSERT_STRING_EQUAL(strange("---"), "...");
}

static struct member_status serving(Craton__Reply *reply, Craton__Status *body)
{
	craton__reply__init(reply);
	craton__status__init(body);
	body->state = (char *)(uintptr_t)"serving";
	body->role = body->leader = (char *)(uintptr_t)"a";
	reply->body_case = CRATON__REPLY__BODY_STATUS;
	reply->status = body;
	return (struct member_status){ .name = "a", .reply = reply };
}

static void a_strange_member_serves_nobody(void)
{
	Craton__Status body;
	Craton__Reply reply;
	struct member_status status = serving(&reply, &body);
	CU_ASSERT_TRUE(member_is_serving(&status));
	status.is_strange = true;
	CU_ASSERT_FALSE(member_is_serving(&status));
}

static void the_table_tells_duty_contact_and_strangers(void)
{
	static struct table table;
	Craton__Status body;
	Craton__Reply reply;
	struct member_status status = serving(&reply, &body), silent = { .name = "b" };
	body.duty = CRATON__DUTY__DUTY_DRAINING;
	table_init(&table, STATUS_TITLES);
	CU_ASSERT_EQUAL(table.columns, STATUS_COLUMNS);
	status_add_cells(&table, &status);
	CU_ASSERT_STRING_EQUAL(table.cells[1][1], "serving");
	CU_ASSERT_STRING_EQUAL(table.cells[1][2], "draining");
	CU_ASSERT_STRING_EQUAL(table.cells[1][3], "no");
	status.is_strange = true;
	body.in_contact = true;
	status_add_cells(&table, &status);
	CU_ASSERT_STRING_EQUAL(table.cells[2][1], "another cluster");
	CU_ASSERT_STRING_EQUAL(table.cells[2][3], "yes");
	status_add_cells(&table, &silent);
	CU_ASSERT_EQUAL(table.filled, table.columns);
}

static char *warnings(int64_t certificate_seconds, int64_t authority_seconds)
{
	Craton__Status body;
	Craton__Reply reply;
	struct member_status statuses[] = { serving(&reply, &body), { .name = "b" } };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	body.certificate_seconds = certificate_seconds;
	body.authority_seconds = authority_seconds;
	status_print_warnings(out, statuses, 2);
	fclose(out);
	return text;
}

static void warns_of_both(int64_t certificate_seconds, int64_t authority_seconds, const char *expected)
{
	char *text = warnings(certificate_seconds, authority_seconds);
	CU_ASSERT_STRING_EQUAL(text, expected);
	free(text);
}

static void warns(int64_t certificate_seconds, const char *expected)
{
	warns_of_both(certificate_seconds, 0, expected);
}

static void a_certificate_that_ends_is_told_of_in_time(void)
{
	const int64_t day = 24 * 3600;
	warns(0, ""); /* a node that does not say */
	warns(14 * day, "");
	warns(14 * day - 1, "a: its certificate expires in 13 days\n");
	warns(day, "a: its certificate expires in 1 day\n");
	warns(5, "a: its certificate expires in 0 days\n");
	warns(-1, "a: its certificate has expired; put a new one in its place, then send the node SIGHUP\n");
}

static void so_is_its_authoritys(void)
{
	const int64_t day = 24 * 3600;
	warns_of_both(30 * day, 3 * day, "a: its authority's certificate expires in 3 days\n");
	warns_of_both(day, day, "a: its certificate expires in 1 day\na: its authority's certificate expires in 1 day\n");
	warns_of_both(30 * day, -1, "a: its authority's certificate has expired; put a new one in its place, then send the node SIGHUP\n");
}

static bool is_stuck(const char *state)
{
	Craton__Status body;
	Craton__Reply reply;
	struct member_status status = serving(&reply, &body);
	body.state = (char *)(uintptr_t)state;
	return member_is_stuck(&status);
}

static void who_will_not_serve_by_waiting_is_not_waited_for(void)
{
	struct member_status silent = { .name = "b" };
	CU_ASSERT_TRUE(is_stuck("token hangs"));
	CU_ASSERT_TRUE(is_stuck("needs enrolment"));
	CU_ASSERT_FALSE(is_stuck("token out")); /* it is started afresh */
	CU_ASSERT_FALSE(is_stuck("starting"));
	CU_ASSERT_FALSE(is_stuck("serving"));
	CU_ASSERT_FALSE(member_is_stuck(&silent));
}

TESTS("cli status",
      SAY(who_belongs_to_another_cluster_than_most_is_strange),
      SAY(a_strange_member_serves_nobody),
      SAY(the_table_tells_duty_contact_and_strangers),
      SAY(a_certificate_that_ends_is_told_of_in_time), SAY(so_is_its_authoritys), SAY(who_will_not_serve_by_waiting_is_not_waited_for))
