/* Messages of any content, by the descriptions that protobuf-c has of them. */
#include "tests/system/hostile_any.h"

#define DEPTH_MAX 4

static uint64_t state = 1;

uint64_t chance(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

uint8_t noise[NOISE_SIZE];

/* Empty, the size of an id or a ticket, long; now and then an id that exists. */
static ProtobufCBinaryData any_bytes(const ProtobufCBinaryData *known)
{
	static const size_t sizes[] = { 0, 1, 8, 15, 16, 17, 32, 79, 255, 4096, 65536 };
	if (chance(3) == 0)
		return *known;
	return BYTES(noise + chance(64), sizes[chance(sizeof sizes / sizeof *sizes)]);
}

void noise_begin(uint64_t seed)
{
	state = seed ? seed : 1;
	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] = (uint8_t)chance(256);
}

uint64_t any_number(void)
{
	static const uint64_t numbers[] = { 0, 1, 2, 3, 4, 16, 0x251, 0x1000, 0x1087, 0x2109, UINT32_MAX, UINT64_MAX, 1ull << 63 };
	return numbers[chance(sizeof numbers / sizeof *numbers)];
}

/* What any_message() allocates; all of it goes at once. */
static struct { void *items[20000]; size_t count; } pool;

static void *take(size_t size)
{
	void *memory = calloc(1, size);
	EXPECT(memory && pool.count < sizeof pool.items / sizeof *pool.items);
	return pool.items[pool.count++] = memory;
}

void give_all_back(void)
{
	while (pool.count)
		free(pool.items[--pool.count]);
}

static ProtobufCMessage *any_message(const ProtobufCMessageDescriptor *kind, const ProtobufCBinaryData *known, int depth);

static void set_value(const ProtobufCFieldDescriptor *field, void *value, const ProtobufCBinaryData *known, int depth)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_BYTES:
		*(ProtobufCBinaryData *)value = any_bytes(known);
		break;
	case PROTOBUF_C_TYPE_STRING:
		*(const char **)value = chance(2) ? "client:a" : "";
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		*(ProtobufCMessage **)value = depth < DEPTH_MAX ? any_message(field->descriptor, known, depth + 1) : NULL;
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_INT64:
		*(uint64_t *)value = any_number();
		break;
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)value = (protobuf_c_boolean)chance(2);
		break;
	default: /* 32 bits: numbers and enums, known and unknown */
		*(uint32_t *)value = (uint32_t)any_number();
	}
}

static size_t value_size(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_STRING: case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
	case PROTOBUF_C_TYPE_UINT64: case PROTOBUF_C_TYPE_INT64: return 8;
	default: return 4;
	}
}

static void set_repeated(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, const ProtobufCBinaryData *known, int depth)
{
	size_t count = chance(8) ? chance(4) : depth < 2 ? 500 : 20, size = value_size(field);
	if (field->type == PROTOBUF_C_TYPE_MESSAGE && (depth >= DEPTH_MAX || pool.count > 10000))
		count = 0;
	uint8_t *values = take(count * size + 1);
	for (size_t i = 0; i < count; i++)
		set_value(field, values + i * size, known, depth);
	*(size_t *)((uint8_t *)message + field->quantifier_offset) = count;
	*(void **)((uint8_t *)message + field->offset) = values;
}

static ProtobufCMessage *any_message(const ProtobufCMessageDescriptor *kind, const ProtobufCBinaryData *known, int depth)
{
	ProtobufCMessage *message = take(kind->sizeof_message);
	kind->message_init(message);
	for (unsigned i = 0; i < kind->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &kind->fields[i];
		if (chance(4) == 0)
			continue;
		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			set_repeated(message, field, known, depth);
		} else if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
			if (chance(3))
				continue; /* one of many: the last that is chosen */
			*(uint32_t *)((uint8_t *)message + field->quantifier_offset) = field->id;
			set_value(field, (uint8_t *)message + field->offset, known, depth);
		} else {
			set_value(field, (uint8_t *)message + field->offset, known, depth);
		}
	}
	return message;
}

Craton__Request *any_request(const ProtobufCFieldDescriptor *body, const struct stage *stage, const ProtobufCBinaryData *known)
{
	const uint32_t slots[] = { stage->alpha, stage->both, stage->both, stage->beta, 0, UINT32_MAX };
	Craton__Request *request = take(sizeof *request);
	craton__request__init(request);
	request->request_id = chance(4) ? BYTES(noise + chance(64), ID_SIZE) : any_bytes(known);
	request->slot = slots[chance(6)];
	request->timeout_ms = 1000;
	request->index_min = chance(20) ? 0 : any_number();
	if (chance(4) == 0)
		request->ticket = any_bytes(known);
	request->body_case = (Craton__Request__BodyCase)body->id;
	set_value(body, (uint8_t *)request + body->offset, known, 1);
	return request;
}

/* Those that end in the PIN's being counted, which b must not lock for the others of its slots: one guess each is enough. */
static bool is_guess(const ProtobufCFieldDescriptor *field)
{
	return field->id == CRATON__REQUEST__BODY_LOGIN || field->id == CRATON__REQUEST__BODY_SET_PIN ||
	       field->id == CRATON__REQUEST__BODY_INIT_TOKEN;
}

const ProtobufCFieldDescriptor *any_body(void)
{
	const ProtobufCMessageDescriptor *kind = &craton__request__descriptor;
	for (;;) {
		const ProtobufCFieldDescriptor *field = &kind->fields[chance(kind->n_fields)];
		if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF && !is_guess(field))
			return field;
	}
}
