/* Words of a command line about slots: who may see one, and which one is meant. */
#include "cli/slots.h"
#include "tests/check.h"
#include <stdlib.h>
#include <string.h>

static void a_list_is_names_with_commas(void)
{
	struct complaint complaint;
	struct who who;
	CU_ASSERT_EQUAL(who_parse("client:a,user:bob", &who, &complaint), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(who.count, 2);
	CU_ASSERT_STRING_EQUAL(who.names[0], "client:a");
	CU_ASSERT_STRING_EQUAL(who.names[1], "user:bob");
	free(who.copy);
	CU_ASSERT_EQUAL(who_parse("everyone", &who, &complaint), ERR_OK);
	CU_ASSERT(who.count == 0 && !who.copy);
	CU_ASSERT_EQUAL(who_parse("", &who, &complaint), ERR_OK);
	CU_ASSERT_EQUAL(who.count, 1); /* an empty name, which the node refuses: nothing is opened to all by mistake */
	free(who.copy);
}

static void a_list_has_an_end(void)
{
	char text[200] = "";
	struct complaint complaint;
	struct who who;
	for (int i = 0; i < WHO_MAX; i++)
		strcat(text, "a,");
	CU_ASSERT_EQUAL(who_parse(text, &who, &complaint), ERR_CONFIG);
	free(who.copy);
}

static void a_slot_is_meant_by_its_id_or_its_label(void)
{
	Craton__SlotInfo infos[4], *list[4];
	static const struct { uint32_t slot; const char *label; } slots[] = { { 1, "craton" }, { 2, "1" }, { 12, "twice" }, { 13, "twice" } };
	Craton__SlotListReply reply = CRATON__SLOT_LIST_REPLY__INIT;
	struct complaint complaint = { "" };
	for (size_t i = 0; i < 4; i++) {
		craton__slot_info__init(&infos[i]);
		infos[i].slot = slots[i].slot;
		infos[i].label = (char *)(uintptr_t)slots[i].label;
		list[i] = &infos[i];
	}
	reply.list = list;
	reply.n_list = 4;
	CU_ASSERT_PTR_EQUAL(slot_named(&reply, "craton", &complaint), &infos[0]);
	CU_ASSERT_PTR_EQUAL(slot_named(&reply, "1", &complaint), &infos[0]);
	CU_ASSERT_PTR_EQUAL(slot_named(&reply, "12", &complaint), &infos[2]);
	CU_ASSERT_PTR_NULL(slot_named(&reply, "twice", &complaint));
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "several slots"));
	CU_ASSERT_PTR_NULL(slot_named(&reply, "3", &complaint));
	CU_ASSERT_PTR_NULL(slot_named(&reply, "01", &complaint));
	CU_ASSERT_PTR_NULL(slot_named(&reply, "", &complaint));
	CU_ASSERT_PTR_NULL(slot_named(&reply, "Craton", &complaint));
}

static void a_list_that_is_cut_says_so(void)
{
	char *names[] = { "client:a", "user:bob", "client:c" }, text[32];
	Craton__SlotInfo slot = CRATON__SLOT_INFO__INIT;
	who_print(&slot, text, sizeof text);
	CU_ASSERT_STRING_EQUAL(text, "everyone");
	slot.allowed = names;
	slot.n_allowed = 3;
	who_print(&slot, text, sizeof text);
	CU_ASSERT_STRING_EQUAL(text, "client:a,user:bob,client:c");
	who_print(&slot, text, 20);
	CU_ASSERT_STRING_EQUAL(text, "client:a,user:bo...");
}

/* Before anybody is asked. */
static void a_label_that_cannot_be_is_refused_in_words(void)
{
	static const char *const labels[] = { "a label of thirty-three bytes see", "\x1b[2J" };
	const struct asker nobody = { .config = { .member_count = 0 } };
	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
		struct complaint complaint = { "" };
		Craton__Reply *reply = NULL;
		CU_ASSERT_EQUAL(slot_create(&nobody, &(struct new_slot){ .label = labels[i] }, &reply, &complaint), ERR_CONFIG);
		CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "the label"));
		CU_ASSERT_PTR_NULL(reply);
	}
}

TESTS("cli slots", SAY(a_label_that_cannot_be_is_refused_in_words), SAY(a_list_that_is_cut_says_so), SAY(a_list_is_names_with_commas), SAY(a_list_has_an_end), SAY(a_slot_is_meant_by_its_id_or_its_label))
