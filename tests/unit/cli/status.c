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

TESTS("cli status",
      SAY(who_belongs_to_another_cluster_than_most_is_strange),
      SAY(a_strange_member_serves_nobody),
      SAY(the_table_tells_duty_contact_and_strangers))
