/* A client that speaks the wire protocol itself, as whoever its certificate says, and says what it likes. */
#pragma once
#include "base/id.h"
#include "wire/call.h"
#include "wire/client_config.h"
#include "wire/cryptoki.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program with a line that says what was expected. */
#define EXPECT(true_) ((true_) ? (void)0 : fail(__FILE__, __LINE__, #true_))
_Noreturn void fail(const char *file, int line, const char *what);

#define BYTES(data_, size_) ((ProtobufCBinaryData){ size_, (uint8_t *)(uintptr_t)(data_) })
#define TEXT(text_) BYTES(text_, strlen(text_))

/* Who somebody is on the wire: settings, a connection, and what comes with every request. */
struct client {
	struct client_config config;
	struct tls *tls;
	struct channel *channel;
	uint32_t slot;
	uint8_t ticket[128];
	size_t ticket_size;
};
void client_open(struct client *client, const char *conf, uint32_t slot); /* reads settings, connects, says Hello */
void client_connect(struct client *client);                              /* anew */
/* Without Hello. NULL: the node is too busy to talk. */
struct channel *client_channel(const struct client *client);
void client_close(struct client *client);

/* Slot, ticket and a request id are filled in unless they are there. The reply is the caller's: reply_free. */
Craton__Reply *client_ask(struct client *client, Craton__Request *request);
/* rv, or CKR_FUNCTION_FAILED | fault << 32 */
uint64_t client_rv(struct client *client, Craton__Request *request);
#define FAULT_RV(fault) ((uint64_t)(fault) << 32 | CKR_FUNCTION_FAILED)
uint64_t client_login(struct client *client, Craton__Role role, const char *pin);

#define REQUEST(BODY, field, body_)                        \
	Craton__Request request = CRATON__REQUEST__INIT;   \
	request.body_case = CRATON__REQUEST__BODY_##BODY;  \
	request.field = &(body_)

/* A generic secret that signs; the reply has the brief, or the carried object, and is the caller's. */
Craton__Reply *make_key(struct client *client, bool is_token);
uint64_t use_key(struct client *client, const ProtobufCBinaryData *id, Craton__Object *carried);

/* The two parts. */
struct stage {
	struct client a, b, admin;      /* b is the hostile one */
	const char *user_pin;
	uint32_t alpha, beta, both;     /* slots: a's, b's, and one they share */
};
void hostile_slots(struct stage *stage);
void hostile_words(struct stage *stage, uint64_t seed);
