/* Any request, from a client that may do anything a client can: a whole node on a SoftHSM token, consensus of one in
 * memory. The first byte says what is true of the client; then comes the message. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/node/house.h"
#include <stdlib.h>
#include <string.h>

enum { HAS_USER_TICKET = 1, HAS_SO_TICKET = 2, HAS_SLOT = 4, HAS_REQUEST_ID = 8, IS_ADMIN = 16 };

static struct node_house house;
static struct client client = { .identity = { IDENTITY_CLIENT, "fuzz" } };
static uint32_t slot;
static uint8_t user_ticket[TICKET_SIZE], so_ticket[TICKET_SIZE];

static Craton__Reply *ask(Craton__Request *request)
{
	static struct id id;
	id = id_random();
	request->request_id = (ProtobufCBinaryData){ ID_SIZE, id.bytes };
	request->slot = slot;
	client.may_administer = true;
	Craton__Reply *reply = question_answer(house.node, &client, request);
	if (!reply)
		abort();
	return reply;
}

static ProtobufCBinaryData bytes(const char *text)
{
	return (ProtobufCBinaryData){ strlen(text), (uint8_t *)(uintptr_t)text };
}

static void log_in(Craton__Role role, const char *pin, uint8_t ticket[TICKET_SIZE])
{
	Craton__Login body = CRATON__LOGIN__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	body.role = role;
	body.pin = bytes(pin);
	request.body_case = CRATON__REQUEST__BODY_LOGIN;
	request.login = &body;
	Craton__Reply *reply = ask(&request);
	if (reply->body_case != CRATON__REPLY__BODY_LOGIN)
		abort();
	memcpy(ticket, reply->login->ticket.data, TICKET_SIZE);
	reply_free(reply);
}

static void make_slot(void)
{
	Craton__SlotCreate body = CRATON__SLOT_CREATE__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	body.label = (char *)(uintptr_t)"fuzz";
	body.so_pin = bytes(SO_PIN);
	body.user_pin = bytes(USER_PIN);
	request.body_case = CRATON__REQUEST__BODY_SLOT_CREATE;
	request.slot_create = &body;
	Craton__Reply *reply = ask(&request);
	if (reply->body_case != CRATON__REPLY__BODY_SLOT_CREATE)
		abort();
	slot = reply->slot_create->slot;
	reply_free(reply);
	log_in(CRATON__ROLE__ROLE_USER, USER_PIN, user_ticket);
	log_in(CRATON__ROLE__ROLE_SO, SO_PIN, so_ticket);
}

static void close_house(void)
{
	house_stop(&house);
	house_clear(&house);
}

static void replace(ProtobufCBinaryData *field, const uint8_t *value, size_t size)
{
	free(field->data);
	field->data = malloc(size);
	field->len = size;
	if (!field->data)
		abort();
	memcpy(field->data, value, size);
}

static void dress(Craton__Request *request, uint8_t truths)
{
	if (truths & HAS_USER_TICKET)
		replace(&request->ticket, user_ticket, TICKET_SIZE);
	else if (truths & HAS_SO_TICKET)
		replace(&request->ticket, so_ticket, TICKET_SIZE);
	if (truths & HAS_SLOT)
		request->slot = slot;
	if (truths & HAS_REQUEST_ID)
		replace(&request->request_id, id_random().bytes, ID_SIZE);
	client.may_administer = truths & IS_ADMIN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!house.node) {
		house_open(&house, false);
		atexit(close_house);
		make_slot();
	}
	Craton__Request *request = size ? request_unpack(data + 1, size - 1) : NULL;
	if (!request)
		return 0;
	dress(request, data[0]);
	Craton__Reply *reply = question_answer(house.node, &client, request);
	bool has_no_slot = reply && reply->rv == CKR_SLOT_ID_INVALID && (data[0] & HAS_SLOT);
	if (has_no_slot || (reply && reply->fault == CRATON__FAULT__FAULT_TICKET && (data[0] & (HAS_USER_TICKET | HAS_SO_TICKET))))
		make_slot(); /* it changed a PIN, initialised the token, closed the slot or removed it: as it may */
	reply_free(reply);
	request_free(request);
	return 0;
}
