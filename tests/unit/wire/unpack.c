#include "wire/call.h"
#include "wire/unpack.h"
#include "tests/check.h"
#include <stdlib.h>
#include <string.h>

static void a_request_survives_its_bytes(void)
{
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__DestroyObject destroy = CRATON__DESTROY_OBJECT__INIT;
	uint8_t bytes[100];
	request.index_min = 7;
	request.body_case = CRATON__REQUEST__BODY_DESTROY_OBJECT;
	request.destroy_object = &destroy;
	destroy.id = (ProtobufCBinaryData){ 2, (uint8_t *)(uintptr_t)"id" };
	size_t size = craton__request__pack(&request, bytes);
	Craton__Request *back = request_unpack(bytes, size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(back);
	CU_ASSERT(back->index_min == 7 && back->body_case == CRATON__REQUEST__BODY_DESTROY_OBJECT);
	CU_ASSERT(back->destroy_object->id.len == 2 && !memcmp(back->destroy_object->id.data, "id", 2));
	request_free(back);
}

static void nothing_is_an_empty_message(void)
{
	Craton__Request *request = request_unpack(NULL, 0);
	CU_ASSERT_PTR_NOT_NULL(request);
	request_free(request);
	request_free(NULL);
	reply_free(NULL);
}

static void what_does_not_parse_is_nothing(void)
{
	CU_ASSERT_PTR_NULL(request_unpack("\xff\xff\xff", 3));
	CU_ASSERT_PTR_NULL(reply_unpack("\x0a\x05 x", 4));
}

/* Each pair of bytes is an empty attribute, which takes some 60 bytes of memory. */
static void little_does_not_unfold_to_very_much(void)
{
	size_t size = 1 << 20;
	uint8_t *bytes = malloc(size);
	for (size_t i = 0; i < size; i += 2)
		memcpy(bytes + i, "\x0a\x00", 2);
	CU_ASSERT_PTR_NULL(unpack(&craton__attributes__descriptor, bytes, size));
	ProtobufCMessage *some = unpack(&craton__attributes__descriptor, bytes, 2000);
	CU_ASSERT_PTR_NOT_NULL_FATAL(some);
	CU_ASSERT_EQUAL(((Craton__Attributes *)some)->n_list, 1000);
	protobuf_c_message_free_unpacked(some, &unpack_wiping);
	free(bytes);
}

/* What a directory of many objects with many boolean attributes answers must pass. */
static void a_long_list_of_booleans_unfolds(void)
{
	Craton__Attribute attribute = CRATON__ATTRIBUTE__INIT;
	static Craton__Attribute *many[100000];
	Craton__Attributes list = CRATON__ATTRIBUTES__INIT;
	attribute.type = 3;
	attribute.value = (ProtobufCBinaryData){ 1, (uint8_t *)(uintptr_t)"\1" };
	for (size_t i = 0; i < 100000; i++)
		many[i] = &attribute;
	list.n_list = 100000;
	list.list = many;
	size_t size = craton__attributes__get_packed_size(&list);
	uint8_t *bytes = malloc(size);
	craton__attributes__pack(&list, bytes);
	ProtobufCMessage *back = unpack(&craton__attributes__descriptor, bytes, size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(back);
	protobuf_c_message_free_unpacked(back, NULL);
	free(bytes);
}

TESTS("wire/unpack", SAY(a_request_survives_its_bytes), SAY(nothing_is_an_empty_message), SAY(what_does_not_parse_is_nothing),
      SAY(little_does_not_unfold_to_very_much), SAY(a_long_list_of_booleans_unfolds))
