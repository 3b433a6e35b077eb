/* What the tests of a node's answers ask of it, each through `talk`: a slot of `house`, with the user logged in. */
#pragma once
#include "tests/unit/node/fake_consensus.h"
#include "tests/unit/node/house.h"
#include "wire/cryptoki.h"

extern struct node_house house;
extern struct talk talk;

/* A slot of its own for each test; the house is opened for the first. */
void begin(void);

#define REQUEST(BODY, field, body)                              \
	Craton__Request request = CRATON__REQUEST__INIT;        \
	request.body_case = CRATON__REQUEST__BODY_##BODY;       \
	request.field = &(body)

/* Generic secrets of 32 bytes that sign. */
struct template token_key(const char *label);
Craton__Reply *generate(struct template *template_);
Craton__Reply *generate_ok(struct template *template_);
struct id generate_token_key(const char *label);
/* Carried in the reply, which is the caller's. */
Craton__Object *session_key(Craton__Reply **reply);

/* HMAC with a key; `carried` may be NULL. */
Craton__Reply *mac_with(const struct id *id, Craton__Object *carried);
CK_RV mac_rv(const struct id *id, Craton__Object *carried, Craton__Fault *fault);

CK_RV destroy(const struct id *id, Craton__Fault *fault);
size_t count_of(const char *label);
CK_RV create(struct template *template_, Craton__Reply **out);
Craton__Reply *read_one(Craton__ObjectRef *ref, uint64_t type);
CK_RV change(Craton__ObjectRef *ref, struct template *template_, Craton__Reply **out);
CK_RV relabel(const struct id *id, const char *label);
