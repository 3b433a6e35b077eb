/* Operations in parts, as a connection asks for them. */
#include "node/multipart.h"
#include "tests/unit/node/asks.h"
#include <stdlib.h>
#include <string.h>

#define FIRST CRATON__CRYPT_STAGE__FIRST
#define PART CRATON__CRYPT_STAGE__PART
#define LAST CRATON__CRYPT_STAGE__LAST

/* HMAC, at one stage. */
struct stage {
	Craton__Crypt body;
	Craton__ObjectRef key;
	Craton__Mechanism mechanism;
};

static void stage_init(struct stage *stage, const struct id *id, Craton__CryptStage which, const char *data)
{
	craton__crypt__init(&stage->body);
	craton__object_ref__init(&stage->key);
	craton__mechanism__init(&stage->mechanism);
	stage->mechanism.type = CKM_SHA256_HMAC;
	stage->key.id = (ProtobufCBinaryData){ ID_SIZE, (uint8_t *)(uintptr_t)id->bytes };
	stage->body.kind = CRATON__CRYPT_KIND__SIGN;
	stage->body.stage = which;
	stage->body.data = (ProtobufCBinaryData){ strlen(data), (uint8_t *)(uintptr_t)data };
	stage->body.key = which == FIRST ? &stage->key : NULL;
	stage->body.mechanism = which == FIRST ? &stage->mechanism : NULL;
}

static Craton__Reply *ask(struct talk *who, const struct id *id, Craton__CryptStage which, const char *data)
{
	struct stage stage;
	stage_init(&stage, id, which, data);
	REQUEST(CRYPT, crypt, stage.body);
	return talk_ask(who, &request);
}

static CK_RV ask_rv(struct talk *who, const struct id *id, Craton__CryptStage stage, const char *data, Craton__Fault *fault)
{
	Craton__Reply *reply = ask(who, id, stage, data);
	CK_RV rv = (CK_RV)reply->rv;
	*fault = reply->fault;
	reply_free(reply);
	return *fault ? CKR_FUNCTION_FAILED : rv;
}

#define EXPECT_RV(who, id, stage, data, want)                                  \
	do {                                                                   \
		Craton__Fault fault_;                                          \
		CU_ASSERT_EQUAL(ask_rv(who, id, stage, data, &fault_), want);  \
		CU_ASSERT_EQUAL(fault_, CRATON__FAULT__FAULT_NONE);            \
	} while (0)
#define EXPECT_FAULT(who, id, stage, data, want)                               \
	do {                                                                   \
		Craton__Fault fault_;                                          \
		ask_rv(who, id, stage, data, &fault_);                         \
		CU_ASSERT_EQUAL(fault_, want);                                 \
	} while (0)

static void end(struct talk *who)
{
	crypt_give_up(house.node, &who->client);
}

/* Another connection of the same application. */
static struct talk another(void)
{
	struct talk other = talk;
	other.client.multipart = NULL;
	return other;
}

static void in_parts_is_the_same_as_whole(void)
{
	begin();
	struct id id = generate_token_key("parts");
	Craton__Reply *whole = mac_with(&id, NULL), *parts; /* of "hello" */
	EXPECT_RV(&talk, &id, FIRST, "he", CKR_OK);
	CU_ASSERT_EQUAL(multiparts_count(house.node->multiparts), 1);
	EXPECT_RV(&talk, &id, PART, "", CKR_OK);
	EXPECT_RV(&talk, &id, PART, "l", CKR_OK);
	parts = ask(&talk, &id, LAST, "lo");
	CU_ASSERT_EQUAL_FATAL(parts->body_case, CRATON__REPLY__BODY_CRYPT);
	CU_ASSERT_EQUAL_FATAL(parts->crypt->data.len, 32);
	CU_ASSERT(memcmp(whole->crypt->data.data, parts->crypt->data.data, 32) == 0);
	CU_ASSERT_PTR_NULL(talk.client.multipart);
	CU_ASSERT_EQUAL(multiparts_count(house.node->multiparts), 0);
	reply_free(whole);
	reply_free(parts);
}

static void what_was_not_begun_is_not_gone_on_with(void)
{
	begin();
	struct id id = generate_token_key("unbegun");
	EXPECT_FAULT(&talk, &id, PART, "data", CRATON__FAULT__FAULT_MALFORMED);
	EXPECT_FAULT(&talk, &id, LAST, "data", CRATON__FAULT__FAULT_MALFORMED);
	EXPECT_FAULT(&talk, &id, (Craton__CryptStage)9, "data", CRATON__FAULT__FAULT_MALFORMED);
}

static void what_is_refused_leaves_nothing_open(void)
{
	begin();
	struct template template_ = token_key("verifies only");
	for (size_t i = 0; i < template_.count; i++)
		if (template_.attributes[i].type == CKA_SIGN)
			template_.numbers[i][0] = 0;
	Craton__Reply *made = generate_ok(&template_);
	struct id id;
	id_from_bytes(&id, made->created->list[0]->id.data, made->created->list[0]->id.len);
	EXPECT_RV(&talk, &id, FIRST, "data", CKR_KEY_FUNCTION_NOT_PERMITTED);
	CU_ASSERT_PTR_NULL(talk.client.multipart);
	CU_ASSERT_EQUAL(multiparts_count(house.node->multiparts), 0);
	reply_free(made);
}

static void a_key_destroyed_ends_its_operation_at_the_next_part(void)
{
	begin();
	Craton__Fault fault;
	struct id id = generate_token_key("destroyed");
	struct talk other = another();
	EXPECT_RV(&other, &id, FIRST, "data", CKR_OK);
	CU_ASSERT_EQUAL(destroy(&id, &fault), CKR_OK);
	EXPECT_RV(&other, &id, PART, "data", CKR_KEY_HANDLE_INVALID);
	CU_ASSERT_PTR_NULL(other.client.multipart);
	CU_ASSERT_EQUAL(multiparts_count(house.node->multiparts), 0);
}

static void a_key_with_another_label_is_the_same_key(void)
{
	begin();
	struct id id = generate_token_key("before");
	struct talk other = another();
	EXPECT_RV(&other, &id, FIRST, "data", CKR_OK);
	CU_ASSERT_EQUAL(relabel(&id, "after"), CKR_OK);
	EXPECT_RV(&other, &id, PART, "data", CKR_OK);
	EXPECT_RV(&other, &id, LAST, "", CKR_OK);
}

static void who_is_logged_out_does_not_go_on(void)
{
	begin();
	struct id id = generate_token_key("logged out");
	EXPECT_RV(&talk, &id, FIRST, "data", CKR_OK);
	talk.ticket_size = 0;
	EXPECT_RV(&talk, &id, PART, "data", CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_PTR_NULL(talk.client.multipart);
}

/* The node's own, with other limits, for one test. */
static struct multiparts *limits(size_t count_max, int64_t silence_ms)
{
	struct multiparts *before = house.node->multiparts;
	house.node->multiparts = multiparts_create(house.node->keyring, count_max, silence_ms);
	return before;
}

static void limits_end(struct multiparts *before)
{
	multiparts_destroy(house.node->multiparts);
	house.node->multiparts = before;
}

static void no_more_are_open_than_may_be(void)
{
	begin();
	struct multiparts *before = limits(2, 3600000);
	struct id id = generate_token_key("many");
	struct talk a = another(), b = another(), c = another();
	EXPECT_RV(&a, &id, FIRST, "data", CKR_OK);
	EXPECT_RV(&b, &id, FIRST, "data", CKR_OK);
	EXPECT_FAULT(&c, &id, FIRST, "data", CRATON__FAULT__FAULT_BUSY);
	EXPECT_RV(&a, &id, LAST, "", CKR_OK);
	EXPECT_RV(&c, &id, FIRST, "data", CKR_OK);
	end(&b);
	end(&c);
	limits_end(before);
}

static void the_one_silent_longest_makes_room(void)
{
	begin();
	struct multiparts *before = limits(2, 0);
	struct id id = generate_token_key("silent");
	struct talk a = another(), b = another(), c = another();
	EXPECT_RV(&a, &id, FIRST, "data", CKR_OK);
	int64_t begun_ms = clock_ms();
	while (clock_ms() == begun_ms)
		; /* so that one of them is the older */
	EXPECT_RV(&b, &id, FIRST, "data", CKR_OK);
	EXPECT_RV(&c, &id, FIRST, "data", CKR_OK);
	EXPECT_FAULT(&a, &id, PART, "data", CRATON__FAULT__FAULT_BUSY);
	EXPECT_RV(&b, &id, PART, "data", CKR_OK);
	EXPECT_RV(&b, &id, LAST, "", CKR_OK);
	EXPECT_RV(&c, &id, LAST, "", CKR_OK);
	CU_ASSERT_EQUAL(multiparts_count(house.node->multiparts), 0);
	end(&a);
	CU_ASSERT_EQUAL(multiparts_count(house.node->multiparts), 0);
	limits_end(before);
}

/* ---- through a real connection */

static struct id generate_public_key(void)
{
	struct template template_ = token_key("for anyone");
	struct id id;
	template_bool(&template_, CKA_PRIVATE, false);
	Craton__Reply *made = generate_ok(&template_);
	id_from_bytes(&id, made->created->list[0]->id.data, made->created->list[0]->id.len);
	reply_free(made);
	return id;
}

static struct channel *connected(void)
{
	struct address address = { .is_unix = true };
	struct channel *channel = NULL;
	Craton__HelloReply *hello = NULL;
	snprintf(address.host, sizeof address.host, "%s", house_file(&house, "socket"));
	CU_ASSERT_EQUAL_FATAL(channel_connect(&address, NULL, NULL, deadline_in(5000), &channel), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(call_hello(channel, "test", deadline_in(5000), &hello), ERR_OK);
	craton__hello_reply__free_unpacked(hello, NULL);
	return channel;
}

static void begin_on(struct channel *channel, const struct id *id)
{
	struct stage stage;
	Craton__Reply *reply = NULL;
	stage_init(&stage, id, FIRST, "data");
	REQUEST(CRYPT, crypt, stage.body);
	request.slot = talk.slot;
	CU_ASSERT_EQUAL_FATAL(call(channel, &request, 5000, DEADLINE_NEVER, &reply), ERR_OK);
	CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL(reply->rv, CKR_OK);
	reply_free(reply);
}

static struct server *serve(void)
{
	struct server *server;
	struct complaint complaint;
	CU_ASSERT_EQUAL_FATAL(server_open(&house.config, &server, &complaint), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(server_start(server, house.node, &complaint), ERR_OK);
	return server;
}

/* The slot was removed, say. Whoever hears so has the connection back. */
static void a_refusal_before_the_operation_is_looked_at_ends_it_too(void)
{
	begin();
	struct server *server = serve();
	struct id id = generate_public_key();
	struct channel *channel = connected();
	struct stage stage;
	Craton__Reply *reply = NULL;
	begin_on(channel, &id);
	stage_init(&stage, &id, PART, "data");
	REQUEST(CRYPT, crypt, stage.body);
	request.slot = talk.slot + 77;
	CU_ASSERT_EQUAL_FATAL(call(channel, &request, 5000, DEADLINE_NEVER, &reply), ERR_OK);
	CU_ASSERT_EQUAL(reply->rv, CKR_SLOT_ID_INVALID);
	CU_ASSERT_EQUAL(multiparts_count(house.node->multiparts), 0);
	reply_free(reply);
	begin_on(channel, &id); /* and that connection serves as before */
	channel_close(channel);
	CU_ASSERT_TRUE(server_stop(server, deadline_in(5000)));
	server_close(server);
}

static void a_connection_serves_nothing_else_meanwhile_and_its_end_is_the_operations(void)
{
	begin();
	struct server *server = serve();
	struct id id = generate_public_key();
	struct channel *one = connected(), *two = connected();
	begin_on(one, &id);
	begin_on(two, &id);
	CU_ASSERT_EQUAL(multiparts_count(house.node->multiparts), 2);
	Craton__Random body = CRATON__RANDOM__INIT;
	Craton__Reply *reply = NULL;
	REQUEST(RANDOM, random, body);
	CU_ASSERT_EQUAL(call(one, &request, 5000, DEADLINE_NEVER, &reply), ERR_CLOSED);
	channel_close(one);
	channel_close(two);
	CU_ASSERT_TRUE(server_stop(server, deadline_in(5000)));
	CU_ASSERT_EQUAL(multiparts_count(house.node->multiparts), 0);
	server_close(server);
}

static void all_is_closed(void)
{
	house_close(&house);
}

TESTS("node parts", SAY(in_parts_is_the_same_as_whole), SAY(what_was_not_begun_is_not_gone_on_with), SAY(what_is_refused_leaves_nothing_open),
	SAY(a_key_destroyed_ends_its_operation_at_the_next_part), SAY(a_key_with_another_label_is_the_same_key),
	SAY(who_is_logged_out_does_not_go_on), SAY(no_more_are_open_than_may_be), SAY(the_one_silent_longest_makes_room),
	SAY(a_refusal_before_the_operation_is_looked_at_ends_it_too),
	SAY(a_connection_serves_nothing_else_meanwhile_and_its_end_is_the_operations), SAY(all_is_closed))
