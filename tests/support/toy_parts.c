#include "tests/support/toy_parts.h"
#include "base/buf.h"
#include "wire/cryptoki.h"
#include <stdlib.h>
#include <string.h>

#define BLOCK 16

/* What a connection has open. */
struct open {
	Craton__Request *first;
	struct buf data;
	size_t given;            /* bytes of the result so far */
};

static void open_destroy(void *kept)
{
	struct open *open = kept;
	request_free(open->first);
	buf_finish(&open->data);
	free(open);
}

static void begin(struct fake_call *call, const Craton__Request *request)
{
	struct open *open = calloc(1, sizeof *open);
	size_t size = craton__request__get_packed_size(request);
	uint8_t *packed = malloc(size);
	craton__request__pack(request, packed);
	open->first = craton__request__unpack(NULL, size, packed);
	open->first->crypt->data.len = 0;
	open->first->crypt->stage = CRATON__CRYPT_STAGE__WHOLE;
	buf_init(&open->data, SIZE_MAX / 2);
	free(packed);
	fake_connection_keep(call, open, open_destroy);
}

/* A cipher gives what it has, but for the last block: as a token may. */
static bool gives_as_it_comes(const Craton__Crypt *first)
{
	bool encrypts = first->kind == CRATON__CRYPT_KIND__ENCRYPT;
	return first->mechanism->type == CKM_AES_CTS || (first->mechanism->type == CKM_AES_GCM && encrypts);
}

/* The answer to all that has come so far. */
static void answer_so_far(struct open *open, void *toy, fake_answer *whole, struct fake_call *call,
                          const Craton__Request *request, Craton__Reply *reply)
{
	Craton__Request all = *open->first;
	Craton__Crypt crypt = *open->first->crypt;
	crypt.data = (ProtobufCBinaryData){ open->data.size, open->data.data };
	crypt.signature = request->crypt->signature;
	all.crypt = &crypt;
	whole(toy, call, &all, reply);
}

static void give(struct open *open, size_t end, size_t last_max, Craton__Reply *reply)
{
	if (reply->body_case != CRATON__REPLY__BODY_CRYPT || reply->rv != CKR_OK)
		return;
	ProtobufCBinaryData *data = &reply->crypt->data;
	size_t size = end < data->len ? end : data->len;
	reply->crypt->more = last_max && size - open->given > last_max;
	if (reply->crypt->more)
		size = open->given + last_max;
	if (size == open->given)
		*data = (ProtobufCBinaryData){ 0, NULL };
	else
		*data = (ProtobufCBinaryData){ size - open->given, data->data + open->given };
	open->given = size;
}

static void answer_nothing(struct fake_call *call, Craton__Reply *reply)
{
	reply->crypt = fake_alloc(call, sizeof *reply->crypt);
	craton__crypt_reply__init(reply->crypt);
	reply->body_case = CRATON__REPLY__BODY_CRYPT;
}

static void answer_part(struct toy_parts *parts, struct open *open, void *toy, fake_answer *whole, struct fake_call *call, const Craton__Request *request,
                        Craton__Reply *reply)
{
	bool is_last = request->crypt->stage == CRATON__CRYPT_STAGE__LAST, as_it_comes = gives_as_it_comes(open->first->crypt);
	buf_add(&open->data, request->crypt->data.data, request->crypt->data.len);
	if (!is_last && !as_it_comes) {
		answer_nothing(call, reply);
		return;
	}
	answer_so_far(open, toy, whole, call, request, reply);
	give(open, is_last ? SIZE_MAX : open->data.size < BLOCK ? 0 : open->data.size - BLOCK, is_last ? parts->last_max : 0,
	     reply);
	if (is_last && parts->never_ends) {
		reply->crypt->data = (ProtobufCBinaryData){ 0, NULL };
		reply->crypt->more = true;
	}
}

/* False, and the fault, if the toy has not seen the key. */
static bool knows_key(void *toy, fake_answer *whole, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	Craton__Request about = *request;
	Craton__GetAttributes nothing = CRATON__GET_ATTRIBUTES__INIT;
	Craton__Reply ignored = CRATON__REPLY__INIT;
	nothing.object = request->crypt->key;
	about.body_case = CRATON__REQUEST__BODY_GET_ATTRIBUTES;
	about.get_attributes = &nothing;
	whole(toy, call, &about, &ignored);
	reply->fault = ignored.fault;
	return ignored.fault == CRATON__FAULT__FAULT_NONE;
}

static void count(struct toy_parts *parts, const Craton__Crypt *crypt)
{
	atomic_fetch_add(crypt->stage == CRATON__CRYPT_STAGE__FIRST ? &parts->firsts :
	                 crypt->stage == CRATON__CRYPT_STAGE__PART  ? &parts->parts : &parts->lasts, 1);
	if (crypt->data.len > parts->size_max)
		parts->size_max = (unsigned)crypt->data.len;
}

void toy_part(struct toy_parts *parts, void *toy, fake_answer *whole, struct fake_call *call, const Craton__Request *request,
              Craton__Reply *reply)
{
	bool is_first = request->crypt->stage == CRATON__CRYPT_STAGE__FIRST;
	count(parts, request->crypt);
	if (is_first && atomic_load(&parts->has_no_room)) {
		reply->fault = CRATON__FAULT__FAULT_BUSY;
		return;
	}
	if (is_first && !knows_key(toy, whole, call, request, reply))
		return;
	if (is_first)
		begin(call, request);
	struct open *open = fake_connection(call);
	if (request->crypt->stage == CRATON__CRYPT_STAGE__PART && parts->parts == parts->ends_at) {
		fake_connection_keep(call, NULL, NULL);
		Craton__Fault fault = (Craton__Fault)atomic_load(&parts->ends_with);
		reply->fault = fault ? fault : CRATON__FAULT__FAULT_NOT_SERVING;
		return;
	}
	if (!open) {
		reply->fault = CRATON__FAULT__FAULT_MALFORMED;
		return;
	}
	answer_part(parts, open, toy, whole, call, request, reply);
	bool is_over = request->crypt->stage == CRATON__CRYPT_STAGE__LAST && !(reply->crypt && reply->crypt->more);
	if (is_over || reply->fault != CRATON__FAULT__FAULT_NONE)
		fake_connection_keep(call, NULL, NULL);
}
