#include "tests/support/toy_inside.h"
#include "base/digest.h"
#include "wire/mechanism_table.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct { CK_MECHANISM_TYPE type; CK_FLAGS flags; } offered[] = {
	{ CKM_AES_KEY_GEN, CKF_GENERATE }, { CKM_GENERIC_SECRET_KEY_GEN, CKF_GENERATE },
	{ CKM_EC_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR }, { CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR },
	{ CKM_HSS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR }, { CKM_HSS, CKF_SIGN | CKF_VERIFY },
	{ CKM_ECDSA, CKF_SIGN | CKF_VERIFY }, { CKM_RSA_PKCS, CKF_SIGN | CKF_VERIFY | CKF_ENCRYPT | CKF_DECRYPT | CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER },
	{ CKM_SHA256_RSA_PKCS, CKF_SIGN | CKF_VERIFY }, { CKM_SHA256_HMAC, CKF_SIGN | CKF_VERIFY },
	{ CKM_AES_ECB, CKF_ENCRYPT | CKF_DECRYPT }, { CKM_AES_CBC, CKF_ENCRYPT | CKF_DECRYPT },
	{ CKM_AES_CBC_PAD, CKF_ENCRYPT | CKF_DECRYPT }, { CKM_AES_CTR, CKF_ENCRYPT | CKF_DECRYPT },
	{ CKM_AES_OFB, CKF_ENCRYPT | CKF_DECRYPT }, { CKM_AES_CFB128, CKF_ENCRYPT | CKF_DECRYPT },
	{ CKM_AES_CFB8, CKF_ENCRYPT | CKF_DECRYPT }, { CKM_AES_CTS, CKF_ENCRYPT | CKF_DECRYPT },
	{ CKM_AES_GCM, CKF_ENCRYPT | CKF_DECRYPT }, { CKM_AES_KEY_WRAP, CKF_WRAP | CKF_UNWRAP },
	{ CKM_CONCATENATE_BASE_AND_KEY, CKF_DERIVE }, { CKM_CONCATENATE_BASE_AND_DATA, CKF_DERIVE },
};

void toy_init(struct toy *toy)
{
	memset(toy, 0, sizeof *toy);
	pthread_mutex_init(&toy->lock, NULL);
	pthread_mutex_init(&toy->silence, NULL);
	pthread_mutex_init(&toy->afterthought, NULL);
	toy->index = 1;
	buf_init(&toy->last_answer, FRAME_SIZE_MAX);
	strcpy(toy->pin, TOY_PIN);
}

void toy_finish(struct toy *toy)
{
	for (size_t i = 0; i < toy->count; i++)
		craton__object__free_unpacked(toy->objects[i], NULL);
	buf_finish(&toy->last_answer);
	pthread_mutex_destroy(&toy->afterthought);
	pthread_mutex_destroy(&toy->silence);
	pthread_mutex_destroy(&toy->lock);
}

/* ---- who and what */

bool toy_is_user(const struct toy *toy, const Craton__Request *request)
{
	return request->ticket.len == 2 && request->ticket.data[0] == CRATON__ROLE__ROLE_USER &&
	       request->ticket.data[1] == toy->generation;
}

static void answer_ticket(struct toy *toy, struct fake_call *call, Craton__Role role, Craton__Reply *reply)
{
	uint8_t ticket[] = { (uint8_t)role, toy->generation };
	reply->login = fake_alloc(call, sizeof *reply->login);
	craton__login_reply__init(reply->login);
	reply->login->ticket = fake_bytes(call, ticket, sizeof ticket);
	reply->body_case = CRATON__REPLY__BODY_LOGIN;
}

static bool is_text(const ProtobufCBinaryData *data, const char *text)
{
	return data->len == strlen(text) && memcmp(data->data, text, data->len) == 0;
}

void toy_answer_done(struct fake_call *call, Craton__Reply *reply)
{
	reply->done = fake_alloc(call, sizeof *reply->done);
	craton__done__init(reply->done);
	reply->body_case = CRATON__REPLY__BODY_DONE;
}

static void answer_login(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	const char *pin = request->login->role == CRATON__ROLE__ROLE_SO ? TOY_SO_PIN : toy->pin;
	if (is_text(&request->login->pin, pin))
		answer_ticket(toy, call, request->login->role, reply);
	else
		reply->rv = CKR_PIN_INCORRECT;
}

static void answer_set_pin(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	const Craton__SetPin *asked = request->set_pin;
	if (!is_text(&asked->old_pin, toy->pin)) {
		reply->rv = CKR_PIN_INCORRECT;
		return;
	}
	memset(toy->pin, 0, sizeof toy->pin);
	memcpy(toy->pin, asked->new_pin.data, asked->new_pin.len);
	toy->generation++;
	answer_ticket(toy, call, asked->role, reply);
}

static void answer_slot_info(struct fake_call *call, Craton__Reply *reply)
{
	reply->slot_info = fake_alloc(call, sizeof *reply->slot_info);
	craton__slot_info__init(reply->slot_info);
	reply->slot_info->label = (char *)(uintptr_t)"toy";
	reply->slot_info->serial = (char *)(uintptr_t)"0001";
	reply->slot_info->token_flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_RNG | CKF_USER_PIN_INITIALIZED;
	reply->body_case = CRATON__REPLY__BODY_SLOT_INFO;
}

static void answer_slot_list(struct fake_call *call, Craton__Reply *reply)
{
	Craton__SlotListReply *body = reply->slot_list = fake_alloc(call, sizeof *body);
	craton__slot_list_reply__init(body);
	body->list = fake_alloc(call, sizeof *body->list);
	Craton__SlotInfo *slot = body->list[body->n_list++] = fake_alloc(call, sizeof *slot);
	craton__slot_info__init(slot);
	slot->slot = 1;
	slot->label = (char *)(uintptr_t)"toy";
	reply->body_case = CRATON__REPLY__BODY_SLOT_LIST;
}

static void answer_mechanisms(struct fake_call *call, Craton__Reply *reply)
{
	size_t count = sizeof offered / sizeof *offered;
	Craton__MechanismListReply *body = reply->mechanism_list = fake_alloc(call, sizeof *body);
	craton__mechanism_list_reply__init(body);
	body->list = fake_alloc(call, count * sizeof *body->list);
	for (body->n_list = 0; body->n_list < count; body->n_list++) {
		Craton__MechanismInfo *info = body->list[body->n_list] = fake_alloc(call, sizeof *info);
		craton__mechanism_info__init(info);
		info->type = offered[body->n_list].type;
		info->flags = offered[body->n_list].flags;
	}
	reply->body_case = CRATON__REPLY__BODY_MECHANISM_LIST;
}

static void answer_random(struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	reply->random = fake_alloc(call, sizeof *reply->random);
	craton__random_reply__init(reply->random);
	reply->random->data = (ProtobufCBinaryData){ request->random->size, fake_alloc(call, request->random->size) };
	random_bytes(reply->random->data.data, request->random->size);
	reply->body_case = CRATON__REPLY__BODY_RANDOM;
}

static void answer_body(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	switch (request->body_case) {
	case CRATON__REQUEST__BODY_SLOT_INFO: answer_slot_info(call, reply); break;
	case CRATON__REQUEST__BODY_SLOT_LIST: answer_slot_list(call, reply); break;
	case CRATON__REQUEST__BODY_MECHANISM_LIST: answer_mechanisms(call, reply); break;
	case CRATON__REQUEST__BODY_LOGIN: answer_login(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_SET_PIN: answer_set_pin(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_INIT_PIN: answer_ticket(toy, call, CRATON__ROLE__ROLE_SO, reply); break;
	case CRATON__REQUEST__BODY_INIT_TOKEN: toy_answer_done(call, reply); break;
	case CRATON__REQUEST__BODY_CREATE_OBJECT: toy_answer_create(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_DESTROY_OBJECT: toy_answer_destroy(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_GET_ATTRIBUTES: toy_answer_get(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_SET_ATTRIBUTES: toy_answer_set(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_FIND: toy_answer_find(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_GENERATE_KEY: toy_answer_generate(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_GENERATE_KEY_PAIR: toy_answer_generate_pair(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_WRAP_KEY: toy_answer_wrap(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_UNWRAP_KEY: toy_answer_unwrap(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_DERIVE_KEY: toy_answer_derive(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_COPY_OBJECT: toy_answer_copy(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_OBJECT_SIZE: toy_answer_size(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_CRYPT: toy_answer_crypt(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_RANDOM: answer_random(call, request, reply); break;
	default: reply->fault = CRATON__FAULT__FAULT_MALFORMED;
	}
}

static void answer_whole(void *context, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	answer_body(context, call, request, reply);
}

static bool is_in_parts(const Craton__Request *request)
{
	return request->body_case == CRATON__REQUEST__BODY_CRYPT && request->crypt->stage != CRATON__CRYPT_STAGE__WHOLE;
}

/* When all of it is done: whoever sees the connection's end finds it so. */
static void cut_if_its_turn(struct toy *toy, struct fake_call *call, const Craton__Request *request)
{
	if (!toy->cut_at || --toy->cut_at)
		return;
	toy->cut_stage = is_in_parts(request) ? (int)request->crypt->stage : (int)CRATON__CRYPT_STAGE__WHOLE;
	fake_connection_cut(call);
}

/* ---- a deed is done once, also where it has made its own ticket void */

static void *lend(void *call, size_t size)
{
	return fake_alloc(call, size);
}

static void leave(void *call, void *lent)
{
	(void)call, (void)lent; /* gone with the answer */
}

static bool was_done(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	ProtobufCAllocator lender = { lend, leave, call };
	if (request->request_id.len != ID_SIZE || memcmp(request->request_id.data, toy->last_deed.bytes, ID_SIZE) != 0)
		return false;
	*reply = *craton__reply__unpack(&lender, toy->last_answer.size, toy->last_answer.data);
	return true;
}

static void note_deed(struct toy *toy, const Craton__Request *request, const Craton__Reply *reply)
{
	bool is_done = reply->fault == CRATON__FAULT__FAULT_NONE;
	if (!is_done || !id_from_bytes(&toy->last_deed, request->request_id.data, request->request_id.len))
		return;
	buf_reset(&toy->last_answer);
	craton__reply__pack(reply, buf_extend(&toy->last_answer, craton__reply__get_packed_size(reply)));
}

static void answer(struct toy *toy, Craton__Fault fault, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	reply->fault = fault;
	if (fault != CRATON__FAULT__FAULT_NONE)
		return;
	if (is_in_parts(request))
		toy_part(&toy->parts, toy, answer_whole, call, request, reply);
	else
		answer_body(toy, call, request, reply);
	note_deed(toy, request, reply);
}

void toy_answer(void *context, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	struct toy *toy = context;
	atomic_fetch_add(&toy->asked, 1);
	pthread_mutex_lock(&toy->silence);
	pthread_mutex_unlock(&toy->silence);
	Craton__Fault fault = (Craton__Fault)atomic_load(&toy->fault);
	pthread_mutex_lock(&toy->lock);
	if (request->ticket.len && request->ticket.data[1] != toy->generation)
		fault = CRATON__FAULT__FAULT_TICKET;
	bool is_new = !was_done(toy, call, request, reply);
	if (is_new)
		answer(toy, fault, call, request, reply);
	reply->index = toy->index;
	if (is_new) /* a deed is counted once, however long the machine let its answer wait */
		cut_if_its_turn(toy, call, request);
	pthread_mutex_unlock(&toy->lock);
	if (request->request_id.len && reply->fault == CRATON__FAULT__FAULT_NONE) {
		atomic_fetch_add(&toy->done, 1);
		pthread_mutex_lock(&toy->afterthought);
		pthread_mutex_unlock(&toy->afterthought);
	}
}
