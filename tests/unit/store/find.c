/* Searches give what matches, all of it, and nothing that the asker may not see. */
#include "tests/check.h"
#include "tests/unit/store/world.h"
#include <stdio.h>
#include <string.h>

static size_t found(struct world *world, const struct attribute_list *wanted, bool with_private, const struct id *after,
                    uint32_t count_max, struct id *last, bool *more)
{
	Craton__FindReply reply;
	CU_ASSERT_EQUAL_FATAL(directory_find(world->directory, 1, wanted, with_private, after, count_max, &reply), ERR_OK);
	size_t count = reply.n_list;
	for (size_t i = 0; i < count; i++) {
		struct id id;
		CU_ASSERT(id_from_bytes(&id, reply.list[i]->id.data, reply.list[i]->id.len));
		if (i || after)
			CU_ASSERT(memcmp(last->bytes, id.bytes, ID_SIZE) < 0); /* by id, no one twice */
		if (last)
			*last = id;
	}
	if (more)
		*more = reply.more;
	directory_find_release(&reply);
	return count;
}

static size_t matching(struct world *world, const struct attribute_list *wanted, bool with_private)
{
	struct id last;
	return found(world, wanted, with_private, NULL, 0, &last, NULL);
}

static void fill(struct world *world, unsigned count)
{
	char label[32];
	world_begin_with_slot(world);
	for (unsigned i = 0; i < count; i++) {
		snprintf(label, sizeof label, "key %u", i / 2); /* a pair shares its label */
		world_create(world, object_make(1, i, label, i % 2 ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY, i % 2));
	}
}

static void an_object_is_found_by_each_of_its_attributes_and_by_all(void)
{
	struct world world;
	struct attribute_list wanted = { 0 };
	unsigned number = 7;
	fill(&world, 20);
	CU_ASSERT_EQUAL(matching(&world, &wanted, true), 20);
	attribute_list_set(&wanted, CKA_LABEL, "key 3", 5);
	CU_ASSERT_EQUAL(matching(&world, &wanted, true), 2);
	attribute_list_set_ulong(&wanted, CKA_CLASS, CKO_PRIVATE_KEY);
	CU_ASSERT_EQUAL(matching(&world, &wanted, true), 1);
	attribute_list_set(&wanted, CKA_ID, &number, sizeof number);
	CU_ASSERT_EQUAL(matching(&world, &wanted, true), 1);
	attribute_list_set_bool(&wanted, CKA_PRIVATE, true);
	CU_ASSERT_EQUAL(matching(&world, &wanted, true), 1);
	number = 8;
	attribute_list_set(&wanted, CKA_ID, &number, sizeof number);
	CU_ASSERT_EQUAL(matching(&world, &wanted, true), 0);
	attribute_list_finish(&wanted);
	attribute_list_set_ulong(&wanted, CKA_CLASS, CKO_PUBLIC_KEY);
	CU_ASSERT_EQUAL(matching(&world, &wanted, true), 10);
	attribute_list_finish(&wanted);
	attribute_list_set_bool(&wanted, CKA_SIGN, true); /* none has it */
	CU_ASSERT_EQUAL(matching(&world, &wanted, true), 0);
	attribute_list_finish(&wanted);
	world_end(&world);
}

static void private_objects_are_not_there_without_a_user(void)
{
	struct world world;
	struct attribute_list wanted = { 0 };
	fill(&world, 20);
	CU_ASSERT_EQUAL(matching(&world, &wanted, false), 10);
	attribute_list_set(&wanted, CKA_LABEL, "key 3", 5);
	CU_ASSERT_EQUAL(matching(&world, &wanted, false), 1);
	attribute_list_set_ulong(&wanted, CKA_CLASS, CKO_PRIVATE_KEY);
	CU_ASSERT_EQUAL(matching(&world, &wanted, false), 0);
	attribute_list_finish(&wanted);
	world_end(&world);
}

static void one_slot_does_not_see_anothers_objects(void)
{
	struct world world;
	fill(&world, 4);
	CU_ASSERT_EQUAL(world_slot(&world, "other"), 2);
	CU_ASSERT_EQUAL(world_find(&world, 2, NULL, true), 0);
	world_create(&world, object_make(2, 100, "key 1", CKO_DATA, false));
	CU_ASSERT_EQUAL(world_find(&world, 2, "key 1", true), 1);
	CU_ASSERT_EQUAL(world_find(&world, 1, "key 1", true), 2);
	world_end(&world);
}

/* Each page starts after the last one's last; together they are everything once. */
static void a_search_goes_on_where_it_stopped(void)
{
	struct world world;
	struct attribute_list wanted = { 0 };
	fill(&world, 21);
	for (int by_class = 0; by_class < 2; by_class++) {
		struct id last = { { 0 } };
		bool more = true;
		size_t total = 0;
		if (by_class)
			attribute_list_set_ulong(&wanted, CKA_CLASS, CKO_PUBLIC_KEY);
		while (more) {
			size_t count = found(&world, &wanted, true, &last, 4, &last, &more);
			CU_ASSERT_FATAL(count == 4 || !more);
			total += count;
		}
		CU_ASSERT_EQUAL(total, by_class ? 11 : 21);
	}
	attribute_list_finish(&wanted);
	world_end(&world);
}

static void more_is_said_only_if_there_is_more_to_see(void)
{
	struct world world;
	struct attribute_list wanted = { 0 };
	struct id last;
	bool more;
	fill(&world, 20);
	CU_ASSERT_EQUAL(found(&world, &wanted, false, NULL, 10, &last, &more), 10);
	CU_ASSERT(!more); /* the others are private */
	CU_ASSERT_EQUAL(found(&world, &wanted, false, NULL, 9, &last, &more), 9);
	CU_ASSERT(more);
	world_end(&world);
}

/* An empty value has no search row; it is found all the same. */
static void an_empty_value_matches_an_empty_value(void)
{
	struct world world;
	struct attribute_list wanted = { 0 };
	fill(&world, 4);
	world_create(&world, object_make(1, 50, "", CKO_DATA, false));
	attribute_list_set(&wanted, CKA_LABEL, "", 0);
	CU_ASSERT_EQUAL(matching(&world, &wanted, true), 1);
	attribute_list_finish(&wanted);
	world_end(&world);
}

/* The label is everyone's, the id one object's: whichever key is tried first, the answer is the same. */
static void a_label_that_all_share_does_not_hide_the_one_that_is_meant(void)
{
	struct world world;
	struct attribute_list wanted = { 0 };
	unsigned number = 333;
	world_begin_with_slot(&world);
	for (unsigned i = 0; i < 400; i++)
		world_create(&world, object_make(1, i, "same", CKO_SECRET_KEY, true));
	attribute_list_set(&wanted, CKA_LABEL, "same", 4);
	CU_ASSERT_EQUAL(matching(&world, &wanted, true), 400);
	attribute_list_set(&wanted, CKA_ID, &number, sizeof number);
	CU_ASSERT_EQUAL(matching(&world, &wanted, true), 1);
	attribute_list_finish(&wanted);
	world_end(&world);
}

static void a_brief_has_what_an_operation_needs(void)
{
	uint8_t modulus[257] = { 0, 0x80 };
	Craton__Object *object = object_make(1, 1, "key", CKO_PRIVATE_KEY, true);
	Craton__ObjectBrief *brief;
	object_set(object, CKA_MODULUS, modulus, sizeof modulus);
	object_set(object, CKA_SIGN, "\1", 1);
	object_brief(object, &brief);
	CU_ASSERT_PTR_NOT_NULL_FATAL(brief);
	struct attribute_list list = { brief->attributes, brief->n_attributes };
	CU_ASSERT_EQUAL(attribute_list_ulong(&list, CKA_MODULUS_BITS, 0), 2048);
	CU_ASSERT(attribute_list_bool(&list, CKA_SIGN, false));
	CU_ASSERT_PTR_NULL(attribute_list_get(&list, CKA_MODULUS));
	CU_ASSERT_PTR_NULL(attribute_list_get(&list, CKA_LABEL));
	craton__object_brief__free_unpacked(brief, NULL);
	craton__object__free_unpacked(object, NULL);
}

TESTS("store: find",
	SAY(an_object_is_found_by_each_of_its_attributes_and_by_all),
	SAY(private_objects_are_not_there_without_a_user),
	SAY(one_slot_does_not_see_anothers_objects),
	SAY(a_search_goes_on_where_it_stopped),
	SAY(more_is_said_only_if_there_is_more_to_see),
	SAY(an_empty_value_matches_an_empty_value),
	SAY(a_label_that_all_share_does_not_hide_the_one_that_is_meant),
	SAY(a_brief_has_what_an_operation_needs))
