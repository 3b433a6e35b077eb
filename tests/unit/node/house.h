/* One node in a test: a SoftHSM token in a domain of its own, an authority, settings, and the node itself, whose
 * consensus is fake_consensus.h or the real one, as the test was linked. */
#pragma once
#include "node/node.h"
#include "node/question.h"
#include "node/server.h"
#include "tests/check.h"
#include "tests/support/certificates.h"
#include "tests/support/softhsm.h"

#define SO_PIN "so-pin-1"
#define USER_PIN "user-pin-1"

struct node_house {
	struct softhsm softhsm;
	struct test_authority *authority;
	char folder[64];
	unsigned raft_port;
	struct node_config config;
	struct node *node;
	struct server *server;
};

/* Token, domain, certificates, secrets and settings; no node yet. */
void house_prepare(struct node_house *house);
/* What an operator keeps for the node as it was at first: certificate, secrets, settings. */
void house_mend(struct node_house *house);
/* The node begins anew, as if it had never been a member. */
void house_forget(struct node_house *house);
/* Settings anew, with more lines at the end: "[limits]\nhello = 200ms\n". Also as the file cratond.conf. */
void house_settings(struct node_house *house, const char *more);
/* Opens and starts the node; and lets clients in, if `serves`. */
void house_start(struct node_house *house, bool serves);
void house_stop(struct node_house *house);
void house_clear(struct node_house *house);
/* house_prepare and house_start. */
void house_open(struct node_house *house, bool serves);
/* house_stop and house_clear. */
void house_close(struct node_house *house);

/* folder/NAME, in one of a few buffers that take turns. */
const char *house_file(const struct node_house *house, const char *name);
void house_write(const struct node_house *house, const char *name, const char *text, unsigned mode);

/* What the log says from here on; then, how often it has said these words. */
void log_listen(void);
unsigned log_heard(const char *words);

/* Asking, without a connection in between. */
struct talk {
	struct node *node;
	struct client client;
	uint32_t slot;
	uint8_t ticket[TICKET_SIZE];
	size_t ticket_size;
	struct id request; /* of the next request that changes something; drawn anew for each unless `keep_request` */
	bool keep_request;
};
void talk_begin(struct talk *talk, struct node_house *house, uint32_t slot);
/* Fills in slot, ticket and request id, and asks. The reply is the caller's: reply_free. */
Craton__Reply *talk_ask(struct talk *talk, Craton__Request *request);
/* The same, for the rv alone: CKR_OK …, or CKR_FUNCTION_FAILED with *fault set. */
CK_RV talk_rv(struct talk *talk, Craton__Request *request, Craton__Fault *fault);
uint32_t talk_create_slot(struct talk *talk, const char *label);
CK_RV talk_login(struct talk *talk, Craton__Role role, const char *pin);

/* A template, for requests: at most 16 attributes. */
struct template {
	Craton__Attribute attributes[16];
	Craton__Attribute *list[16];
	uint8_t numbers[16][8];
	size_t count;
};
void template_bool(struct template *template_, CK_ATTRIBUTE_TYPE type, bool value);
void template_number(struct template *template_, CK_ATTRIBUTE_TYPE type, uint64_t value);
void template_bytes(struct template *template_, CK_ATTRIBUTE_TYPE type, const void *value, size_t size);
