/* One slot's application can neither see, name nor load another's objects, whatever it knows and whatever it sends. */
#include "tests/system/hostile.h"

#define NO_SLOT 4000000u

/* What a's slot holds, as its worst enemy might know it. */
struct loot {
	ProtobufCBinaryData token_key, session_key; /* their ids */
	Craton__Object *carried;
	Craton__Reply *replies[2];
};

static void fill_loot(struct stage *stage, struct loot *loot)
{
	stage->a.slot = stage->alpha;
	EXPECT(client_login(&stage->a, CRATON__ROLE__ROLE_USER, stage->user_pin) == CKR_OK);
	loot->replies[0] = make_key(&stage->a, true);
	loot->replies[1] = make_key(&stage->a, false);
	loot->token_key = loot->replies[0]->created->list[0]->id;
	loot->carried = loot->replies[1]->created->carried[0];
	loot->session_key = loot->carried->id;
	EXPECT(use_key(&stage->a, &loot->token_key, NULL) == CKR_OK); /* both are loaded on the node now */
	EXPECT(use_key(&stage->a, &loot->session_key, loot->carried) == CKR_OK);
}

/* All requests about one object, or about none; one template for all. */
#define KINDS 17
struct asking {
	Craton__ObjectRef object;
	Craton__Mechanism mechanism, wrapping;
	Craton__SlotInfoRequest info;
	Craton__MechanismListRequest mechanisms;
	Craton__Login login;
	Craton__InitToken init_token;
	Craton__InitPin init_pin;
	Craton__SetPin set_pin;
	Craton__CreateObject create;
	Craton__DestroyObject destroy;
	Craton__SetAttributes set;
	Craton__GetAttributes get;
	Craton__Find find;
	Craton__CopyObject copy;
	Craton__ObjectSize size;
	Craton__WrapKey wrap;
	Craton__DeriveKey derive;
	Craton__Crypt crypt;
	Craton__Random random;
	Craton__Request requests[KINDS];
};

static Craton__Request *add(struct asking *asking, size_t *count, Craton__Request__BodyCase body)
{
	Craton__Request *request = &asking->requests[(*count)++];
	craton__request__init(request);
	request->body_case = body;
	return request;
}

static void asking_init(struct asking *asking, const ProtobufCBinaryData *id, Craton__Object *carried)
{
	size_t count = 0;
	craton__object_ref__init(&asking->object);
	asking->object.id = *id;
	asking->object.carried = carried;
	craton__mechanism__init(&asking->mechanism);
	asking->mechanism.type = CKM_SHA256_HMAC;
	craton__mechanism__init(&asking->wrapping);
	asking->wrapping.type = CKM_AES_KEY_WRAP;
#define ADD(BODY, field, member, init) \
	(craton__##init##__init(&asking->member), add(asking, &count, CRATON__REQUEST__BODY_##BODY)->field = &asking->member)
	ADD(SLOT_INFO, slot_info, info, slot_info_request);
	ADD(MECHANISM_LIST, mechanism_list, mechanisms, mechanism_list_request);
	ADD(LOGIN, login, login, login)->role = CRATON__ROLE__ROLE_USER;
	asking->login.pin = TEXT("a wrong guess");
	ADD(INIT_TOKEN, init_token, init_token, init_token)->so_pin = TEXT("a wrong guess");
	ADD(INIT_PIN, init_pin, init_pin, init_pin)->pin = TEXT("12345678");
	ADD(SET_PIN, set_pin, set_pin, set_pin)->role = CRATON__ROLE__ROLE_USER;
	asking->set_pin.old_pin = asking->set_pin.new_pin = TEXT("12345678");
	ADD(CREATE_OBJECT, create_object, create, create_object);
	ADD(DESTROY_OBJECT, destroy_object, destroy, destroy_object)->id = *id;
	ADD(SET_ATTRIBUTES, set_attributes, set, set_attributes)->object = &asking->object;
	ADD(GET_ATTRIBUTES, get_attributes, get, get_attributes)->object = &asking->object;
	ADD(FIND, find, find, find);
	ADD(COPY_OBJECT, copy_object, copy, copy_object)->object = &asking->object;
	ADD(OBJECT_SIZE, object_size, size, object_size)->object = &asking->object;
	ADD(WRAP_KEY, wrap_key, wrap, wrap_key)->wrapping_key = &asking->object;
	asking->wrap.key = &asking->object;
	asking->wrap.mechanism = &asking->wrapping;
	ADD(DERIVE_KEY, derive_key, derive, derive_key)->base_key = &asking->object;
	asking->derive.mechanism = &asking->mechanism;
	ADD(CRYPT, crypt, crypt, crypt)->key = &asking->object;
	asking->crypt.mechanism = &asking->mechanism;
	ADD(RANDOM, random, random, random)->size = 16;
	EXPECT(count == KINDS);
}

/* Everything of a reply but where the node's log is. */
static ProtobufCBinaryData answer_bytes(struct client *client, Craton__Request *request)
{
	Craton__Reply *reply = client_ask(client, request);
	reply->index = 0;
	size_t size = craton__reply__get_packed_size(reply);
	uint8_t *bytes = malloc(size + 1);
	EXPECT(bytes);
	craton__reply__pack(reply, bytes);
	reply_free(reply);
	return (ProtobufCBinaryData){ size, bytes };
}

static void expect_same(struct client *client, Craton__Request *one, Craton__Request *other)
{
	ProtobufCBinaryData first = answer_bytes(client, one), second = answer_bytes(client, other);
	EXPECT(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	free(first.data);
	free(second.data);
}

/* To b the slot alpha is a slot that never was: byte for byte, with whatever ticket. */
static void a_hidden_slot_is_no_slot(struct stage *stage, const struct loot *loot)
{
	uint8_t garbage[79] = { 1, 2, 3 };
	struct client *b = &stage->b;
	const ProtobufCBinaryData tickets[] = { BYTES("", 0), BYTES(stage->a.ticket, stage->a.ticket_size),
		BYTES(b->ticket, b->ticket_size), BYTES(garbage, sizeof garbage), BYTES(garbage, 1) };
	for (size_t ticket = 0; ticket < sizeof tickets / sizeof *tickets; ticket++)
		for (int with_carried = 0; with_carried < 2; with_carried++) {
			struct asking hidden, none;
			asking_init(&hidden, with_carried ? &loot->session_key : &loot->token_key, with_carried ? loot->carried : NULL);
			asking_init(&none, with_carried ? &loot->session_key : &loot->token_key, with_carried ? loot->carried : NULL);
			for (size_t i = 0; i < KINDS; i++) {
				hidden.requests[i].slot = stage->alpha;
				none.requests[i].slot = NO_SLOT;
				hidden.requests[i].ticket = none.requests[i].ticket = tickets[ticket];
				expect_same(b, &hidden.requests[i], &none.requests[i]);
				hidden.requests[i].request_id = BYTES(NULL, 0);
				EXPECT(client_rv(b, &hidden.requests[i]) == CKR_SLOT_ID_INVALID);
			}
		}
}

static bool is_about_an_object(Craton__Request__BodyCase body)
{
	return body == CRATON__REQUEST__BODY_DESTROY_OBJECT || body == CRATON__REQUEST__BODY_SET_ATTRIBUTES ||
	       body == CRATON__REQUEST__BODY_GET_ATTRIBUTES || body == CRATON__REQUEST__BODY_COPY_OBJECT ||
	       body == CRATON__REQUEST__BODY_OBJECT_SIZE || body == CRATON__REQUEST__BODY_WRAP_KEY ||
	       body == CRATON__REQUEST__BODY_DERIVE_KEY || body == CRATON__REQUEST__BODY_CRYPT;
}

/* In b's own slot, b logged in: a's objects, loaded or not, are as unknown as ids that nobody has. */
static void anothers_object_is_no_object(struct stage *stage, const struct loot *loot)
{
	const ProtobufCBinaryData *ids[] = { &loot->token_key, &loot->session_key };
	struct id random = id_random();
	ProtobufCBinaryData nobodys = BYTES(random.bytes, ID_SIZE);
	for (size_t which = 0; which < 2; which++) {
		struct asking theirs, none;
		asking_init(&theirs, ids[which], NULL);
		asking_init(&none, &nobodys, NULL);
		for (size_t i = 0; i < KINDS; i++)
			if (is_about_an_object(theirs.requests[i].body_case))
				expect_same(&stage->b, &theirs.requests[i], &none.requests[i]);
	}
}

/* Carried as it is, moved to b's slot, under another id, with an attribute changed, with the seal of nobody. */
static void anothers_session_key_opens_nowhere(struct stage *stage, const struct loot *loot)
{
	uint32_t kind = loot->carried->sealed->kind;
	struct id random = id_random();
	ProtobufCBinaryData id = loot->session_key, nobodys = BYTES(random.bytes, ID_SIZE);
	Craton__Object *carried = loot->carried;
	for (int in_shared = 0; in_shared < 2; in_shared++) {
		stage->b.slot = in_shared ? stage->both : stage->beta;
		EXPECT(client_login(&stage->b, CRATON__ROLE__ROLE_USER, stage->user_pin) == CKR_OK);
		EXPECT(use_key(&stage->b, &id, carried) == CKR_KEY_HANDLE_INVALID);
		carried->slot = stage->b.slot;
		EXPECT(use_key(&stage->b, &id, carried) == CKR_KEY_HANDLE_INVALID);
		carried->id = nobodys;
		EXPECT(use_key(&stage->b, &nobodys, carried) == CKR_KEY_HANDLE_INVALID);
		carried->id = id;
		for (uint32_t other = 0; other < 4; other++) {
			carried->sealed->kind = other;
			EXPECT(use_key(&stage->b, &id, carried) != CKR_OK);
		}
		carried->sealed->kind = kind;
		carried->slot = stage->alpha;
	}
}

/* Whose ticket for which slot: only one's own, for the slot it was given for, and not a byte of it changed. */
static void a_ticket_is_good_for_its_client_and_slot_alone(struct stage *stage)
{
	struct client *b = &stage->b;
	uint8_t own[128];
	b->slot = stage->beta;
	EXPECT(client_login(b, CRATON__ROLE__ROLE_USER, stage->user_pin) == CKR_OK);
	size_t size = b->ticket_size;
	memcpy(own, b->ticket, size);
	struct asking asking;
	ProtobufCBinaryData nobodys = BYTES(own, ID_SIZE);
	asking_init(&asking, &nobodys, NULL);
	Craton__Request *find = &asking.requests[10];
	EXPECT(find->body_case == CRATON__REQUEST__BODY_FIND && client_rv(b, find) == CKR_OK);
	for (size_t i = 0; i <= size; i++) {
		uint8_t altered[129] = { 0 };
		memcpy(altered, own, size);
		altered[i] ^= 1; /* the last: one byte too long */
		find->ticket = BYTES(altered, i < size ? size : size + 1);
		EXPECT(client_rv(b, find) == FAULT_RV(CRATON__FAULT__FAULT_TICKET));
	}
	find->ticket = BYTES(own, size);
	find->slot = stage->both;
	EXPECT(client_rv(b, find) == FAULT_RV(CRATON__FAULT__FAULT_TICKET));
	stage->a.slot = stage->both;
	EXPECT(client_login(&stage->a, CRATON__ROLE__ROLE_USER, stage->user_pin) == CKR_OK);
	find->ticket = BYTES(stage->a.ticket, stage->a.ticket_size);
	EXPECT(client_rv(b, find) == FAULT_RV(CRATON__FAULT__FAULT_TICKET));
	EXPECT(client_rv(&stage->a, find) == CKR_OK);
}

/* A request id that another client has used, for the same in another slot: another request. */
static void a_request_id_is_nothing_in_another_slot(struct stage *stage)
{
	struct id id = id_random();
	Craton__Attribute attributes[2], *list[] = { &attributes[0], &attributes[1] };
	Craton__CreateObject body = CRATON__CREATE_OBJECT__INIT;
	ProtobufCBinaryData made[2];
	Craton__Reply *replies[2];
	stage->a.slot = stage->alpha;
	stage->b.slot = stage->beta;
	EXPECT(client_login(&stage->a, CRATON__ROLE__ROLE_USER, stage->user_pin) == CKR_OK);
	EXPECT(client_login(&stage->b, CRATON__ROLE__ROLE_USER, stage->user_pin) == CKR_OK);
	craton__attribute__init(&attributes[0]);
	craton__attribute__init(&attributes[1]);
	attributes[0].type = CKA_CLASS;
	attributes[0].value = BYTES("\0\0\0\0\0\0\0\0", 8);
	attributes[1].type = CKA_TOKEN;
	attributes[1].value = BYTES("\1", 1);
	body.attributes = list;
	body.n_attributes = 2;
	for (int who = 0; who < 2; who++) {
		REQUEST(CREATE_OBJECT, create_object, body);
		request.request_id = BYTES(id.bytes, ID_SIZE);
		replies[who] = client_ask(who ? &stage->b : &stage->a, &request);
		EXPECT(replies[who]->body_case == CRATON__REPLY__BODY_CREATED && replies[who]->created->n_list == 1);
		made[who] = replies[who]->created->list[0]->id;
	}
	EXPECT(memcmp(made[0].data, made[1].data, ID_SIZE) != 0);
	reply_free(replies[0]);
	reply_free(replies[1]);
}

static Craton__SlotListReply *list_of(struct client *client, Craton__Reply **reply)
{
	Craton__SlotListRequest body = CRATON__SLOT_LIST_REQUEST__INIT;
	REQUEST(SLOT_LIST, slot_list, body);
	*reply = client_ask(client, &request);
	EXPECT((*reply)->body_case == CRATON__REPLY__BODY_SLOT_LIST);
	return (*reply)->slot_list;
}

static void nobody_sees_more_slots_than_are_his(struct stage *stage)
{
	Craton__Reply *reply;
	Craton__SlotListReply *list = list_of(&stage->b, &reply);
	for (size_t i = 0; i < list->n_list; i++)
		EXPECT(list->list[i]->slot != stage->alpha && list->list[i]->n_allowed == 0);
	reply_free(reply);
}

static uint64_t set_access(struct client *client, uint32_t slot, const char *const *names, size_t count)
{
	Craton__SlotAccess body = CRATON__SLOT_ACCESS__INIT;
	REQUEST(SLOT_ACCESS, slot_access, body);
	body.slot = slot;
	body.allowed = (char **)(uintptr_t)names;
	body.n_allowed = count;
	return client_rv(client, &request);
}

static uint64_t remove_slot(struct client *client, uint32_t slot)
{
	Craton__SlotRemove body = CRATON__SLOT_REMOVE__INIT;
	REQUEST(SLOT_REMOVE, slot_remove, body);
	body.slot = slot;
	return client_rv(client, &request);
}

/* Let in, b works; put out again, its connection and its ticket are worth nothing. */
static void who_is_put_out_is_out_at_once(struct stage *stage, const struct loot *loot)
{
	static const char *const two[] = { "client:a", "client:b" };
	struct client *b = &stage->b;
	EXPECT(set_access(b, stage->alpha, two, 2) == FAULT_RV(CRATON__FAULT__FAULT_REFUSED));
	EXPECT(remove_slot(b, stage->alpha) == FAULT_RV(CRATON__FAULT__FAULT_REFUSED));
	EXPECT(set_access(&stage->admin, stage->alpha, two, 2) == CKR_OK);
	b->slot = stage->alpha;
	EXPECT(client_login(b, CRATON__ROLE__ROLE_USER, stage->user_pin) == CKR_OK);
	EXPECT(use_key(b, &loot->token_key, NULL) == CKR_OK);
	EXPECT(set_access(&stage->admin, stage->alpha, two, 1) == CKR_OK);
	EXPECT(use_key(b, &loot->token_key, NULL) == CKR_SLOT_ID_INVALID);
	EXPECT(client_login(b, CRATON__ROLE__ROLE_USER, stage->user_pin) == CKR_SLOT_ID_INVALID);
	stage->admin.slot = stage->alpha; /* who administers a slot does not use it */
	EXPECT(client_login(&stage->admin, CRATON__ROLE__ROLE_USER, stage->user_pin) == CKR_SLOT_ID_INVALID);
}

static void what_is_removed_is_gone_for_everyone(struct stage *stage)
{
	stage->a.slot = stage->both;
	EXPECT(client_login(&stage->a, CRATON__ROLE__ROLE_USER, stage->user_pin) == CKR_OK);
	Craton__Reply *key = make_key(&stage->a, true);
	EXPECT(use_key(&stage->a, &key->created->list[0]->id, NULL) == CKR_OK);
	EXPECT(remove_slot(&stage->admin, stage->both) == CKR_OK);
	EXPECT(use_key(&stage->a, &key->created->list[0]->id, NULL) == CKR_SLOT_ID_INVALID);
	reply_free(key);
}

void hostile_slots(struct stage *stage)
{
	struct loot loot;
	fill_loot(stage, &loot);
	stage->b.slot = stage->beta;
	EXPECT(client_login(&stage->b, CRATON__ROLE__ROLE_USER, stage->user_pin) == CKR_OK);
	a_hidden_slot_is_no_slot(stage, &loot);
	anothers_object_is_no_object(stage, &loot);
	anothers_session_key_opens_nowhere(stage, &loot);
	a_ticket_is_good_for_its_client_and_slot_alone(stage);
	a_request_id_is_nothing_in_another_slot(stage);
	nobody_sees_more_slots_than_are_his(stage);
	who_is_put_out_is_out_at_once(stage, &loot);
	what_is_removed_is_gone_for_everyone(stage);
	stage->a.slot = stage->alpha; /* and through all this nothing has happened to a's */
	EXPECT(client_login(&stage->a, CRATON__ROLE__ROLE_USER, stage->user_pin) == CKR_OK);
	EXPECT(use_key(&stage->a, &loot.token_key, NULL) == CKR_OK);
	EXPECT(use_key(&stage->a, &loot.session_key, loot.carried) == CKR_OK);
	reply_free(loot.replies[0]);
	reply_free(loot.replies[1]);
}
