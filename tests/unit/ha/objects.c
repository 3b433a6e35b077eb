#include "ha/objects.h"
#include "tests/check.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#undef pthread_mutex_unlock
int pthread_mutex_unlock(pthread_mutex_t *lock); /* the real one: see below */

static struct id number(uint8_t n)
{
	return (struct id){ { n, 1, 2, 3, 4, 5, 6, 7, 8 } };
}

static CK_OBJECT_HANDLE learn(struct objects *objects, uint8_t n, const char *label, uint64_t index)
{
	struct id id = number(n);
	Craton__ObjectBrief brief = CRATON__OBJECT_BRIEF__INIT;
	struct attribute_list list = { NULL, 0 };
	attribute_list_set(&list, CKA_LABEL, label, strlen(label));
	brief.id = (ProtobufCBinaryData){ ID_SIZE, id.bytes };
	brief.attributes = list.items;
	brief.n_attributes = list.count;
	CK_OBJECT_HANDLE handle = objects_learn(objects, &brief, index);
	attribute_list_finish(&list);
	return handle;
}

static Craton__Object *make_carried(uint8_t n, bool is_private)
{
	struct id id = number(n);
	struct attribute_list list = { NULL, 0 };
	Craton__Object *object = malloc(sizeof *object);
	craton__object__init(object);
	attribute_list_set_bool(&list, CKA_PRIVATE, is_private);
	object->id = (ProtobufCBinaryData){ ID_SIZE, malloc(ID_SIZE) };
	memcpy(object->id.data, id.bytes, ID_SIZE);
	object->attributes = list.items;
	object->n_attributes = list.count;
	return object;
}

static bool knows(struct objects *objects, CK_OBJECT_HANDLE handle)
{
	struct object *object = objects_look_up(objects, handle);
	object_release(object);
	return object != NULL;
}

static void an_object_found_again_has_the_handle_it_had(void)
{
	struct objects *objects = objects_create();
	CK_OBJECT_HANDLE one = learn(objects, 1, "one", 5), two = learn(objects, 2, "two", 5);
	CU_ASSERT(one != CK_INVALID_HANDLE && two != CK_INVALID_HANDLE && one != two);
	CU_ASSERT_EQUAL(learn(objects, 1, "one", 6), one);
	objects_destroy(objects);
}

static void what_is_looked_up_stays_as_it_was(void)
{
	struct objects *objects = objects_create();
	CK_OBJECT_HANDLE handle = learn(objects, 1, "before", 5);
	struct object *held = objects_look_up(objects, handle);
	learn(objects, 1, "after", 6);
	struct object *now = objects_look_up(objects, handle);
	CU_ASSERT_EQUAL(attribute_list_get(&held->attributes, CKA_LABEL)->value.len, 6);
	CU_ASSERT_EQUAL(attribute_list_get(&now->attributes, CKA_LABEL)->value.len, 5);
	objects_forget(objects, handle);
	CU_ASSERT(!knows(objects, handle));
	CU_ASSERT_EQUAL(attribute_list_get(&now->attributes, CKA_LABEL)->value.len, 5);
	object_release(held);
	object_release(now);
	objects_destroy(objects);
}

static void older_news_change_nothing(void)
{
	struct objects *objects = objects_create();
	CK_OBJECT_HANDLE handle = learn(objects, 1, "after", 6);
	CU_ASSERT_EQUAL(learn(objects, 1, "before", 5), handle);
	struct object *object = objects_look_up(objects, handle);
	CU_ASSERT_EQUAL(attribute_list_get(&object->attributes, CKA_LABEL)->value.len, 5);
	CU_ASSERT_EQUAL(object->index, 6);
	object_release(object);
	objects_destroy(objects);
}

/* A member that has not heard of it may tell of it again, for one that had the end of it. */
static void what_was_found_destroyed_stays_so_in_its_new_form(void)
{
	struct objects *objects = objects_create();
	CK_OBJECT_HANDLE handle = learn(objects, 1, "one", 5);
	struct object *object = objects_look_up(objects, handle);
	atomic_store(&object->gone_by, 9);
	object_release(object);
	CU_ASSERT_EQUAL(learn(objects, 1, "one", 7), handle);
	object = objects_look_up(objects, handle);
	CU_ASSERT_EQUAL(object->index, 7);
	CU_ASSERT_EQUAL(atomic_load(&object->gone_by), 9);
	object_release(object);
	objects_destroy(objects);
}

static void a_handle_is_never_given_to_another_object(void)
{
	struct objects *objects = objects_create();
	CK_OBJECT_HANDLE before = learn(objects, 1, "one", 5);
	objects_forget(objects, before);
	CU_ASSERT(learn(objects, 1, "one", 5) > before); /* destroyed and back under the same id: not the same object */
	objects_destroy(objects);
	objects = objects_create();
	CU_ASSERT(learn(objects, 2, "two", 5) > before + 1);
	objects_destroy(objects);
}

static void session_objects_go_with_their_session(void)
{
	struct objects *objects = objects_create();
	CK_OBJECT_HANDLE one = objects_carry(objects, 10, make_carried(1, false), 3);
	CK_OBJECT_HANDLE two = objects_carry(objects, 11, make_carried(2, false), 3);
	CK_OBJECT_HANDLE stored = learn(objects, 3, "stored", 3);
	objects_forget_session(objects, 10);
	CU_ASSERT(!knows(objects, one));
	CU_ASSERT(knows(objects, two));
	CU_ASSERT(knows(objects, stored));
	objects_destroy(objects);
}

static void private_session_objects_go_with_the_login(void)
{
	struct objects *objects = objects_create();
	CK_OBJECT_HANDLE open = objects_carry(objects, 10, make_carried(1, false), 3);
	CK_OBJECT_HANDLE closed = objects_carry(objects, 10, make_carried(2, true), 3);
	objects_forget_private_carried(objects);
	CU_ASSERT(knows(objects, open));
	CU_ASSERT(!knows(objects, closed));
	objects_forget_all(objects);
	CU_ASSERT(!knows(objects, open));
	objects_destroy(objects);
}

static void a_changed_session_object_keeps_its_handle_and_is_shown_anew(void)
{
	struct objects *objects = objects_create();
	CK_OBJECT_HANDLE handle = objects_carry(objects, 10, make_carried(1, false), 3);
	struct object *before = objects_look_up(objects, handle);
	before->shown = 7;
	CU_ASSERT_EQUAL(objects_carry_changed(objects, before, make_carried(1, true), 4), ERR_OK);
	CU_ASSERT_EQUAL(objects_carry_changed(objects, before, make_carried(1, false), 5), ERR_BUSY); /* that would undo the other change */
	struct object *after = objects_look_up(objects, handle);
	CU_ASSERT(after != before && object_is_private(after) && after->session == 10 && after->shown == 0);
	objects_forget_session(objects, 10);
	CU_ASSERT_EQUAL(objects_carry_changed(objects, after, make_carried(1, true), 5), ERR_BUSY); /* too late: its session has ended */
	CU_ASSERT(!knows(objects, handle));
	object_release(before);
	object_release(after);
	objects_destroy(objects);
}

static void session_objects_are_found_by_all_of_what_is_wanted(void)
{
	struct objects *objects = objects_create();
	struct attribute_list all = { NULL, 0 }, closed = { NULL, 0 };
	CK_OBJECT_HANDLE *handles, one = objects_carry(objects, 10, make_carried(1, false), 3);
	size_t count;
	objects_carry(objects, 10, make_carried(2, true), 3);
	learn(objects, 3, "stored", 3);
	attribute_list_set_bool(&closed, CKA_PRIVATE, true);
	CU_ASSERT_EQUAL(objects_find_carried(objects, &all, true, &handles, &count), ERR_OK);
	CU_ASSERT_EQUAL(count, 2);
	free(handles);
	objects_find_carried(objects, &all, false, &handles, &count);
	CU_ASSERT(count == 1 && handles[0] == one);
	free(handles);
	objects_find_carried(objects, &closed, true, &handles, &count);
	CU_ASSERT_EQUAL(count, 1);
	free(handles);
	attribute_list_finish(&closed);
	objects_destroy(objects);
}

/* Another thread comes as soon as the lock is let go: ha/objects.c is built to call this for pthread_mutex_unlock. */
static struct objects *disturbed;
static CK_OBJECT_HANDLE others;

int unlock_and_be_disturbed(pthread_mutex_t *lock)
{
	struct objects *objects = disturbed;
	int result = pthread_mutex_unlock(lock);
	disturbed = NULL;
	if (objects)
		others = learn(objects, 1, "one", 5);
	return result;
}

static void what_two_find_at_once_has_one_handle(void)
{
	struct objects *objects = disturbed = objects_create();
	CK_OBJECT_HANDLE handle = learn(objects, 1, "one", 5);
	CU_ASSERT_NOT_EQUAL(others, CK_INVALID_HANDLE);
	CU_ASSERT_EQUAL(handle, others);
	objects_destroy(objects);
}

static void an_object_without_a_proper_id_is_none(void)
{
	struct objects *objects = objects_create();
	Craton__ObjectBrief brief = CRATON__OBJECT_BRIEF__INIT;
	CU_ASSERT_EQUAL(objects_learn(objects, &brief, 1), CK_INVALID_HANDLE);
	Craton__Object *carried = malloc(sizeof *carried);
	craton__object__init(carried);
	CU_ASSERT_EQUAL(objects_carry(objects, 1, carried, 1), CK_INVALID_HANDLE);
	objects_destroy(objects);
}

TESTS("ha objects", SAY(an_object_found_again_has_the_handle_it_had), SAY(what_two_find_at_once_has_one_handle), SAY(what_is_looked_up_stays_as_it_was),
	SAY(older_news_change_nothing), SAY(what_was_found_destroyed_stays_so_in_its_new_form),
	SAY(a_handle_is_never_given_to_another_object), SAY(session_objects_go_with_their_session),
	SAY(private_session_objects_go_with_the_login), SAY(a_changed_session_object_keeps_its_handle_and_is_shown_anew),
	SAY(session_objects_are_found_by_all_of_what_is_wanted), SAY(an_object_without_a_proper_id_is_none))
