/* Any message, any order, any size: refused, and no key is used without a login. The seed makes it the same each time. */
#include "tests/system/hostile_any.h"
#include "base/clock.h"
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 1000
#define PATIENCE_MS 60000

/* ---- what a node may answer to that */

/* Without a ticket of the user no private key works, nothing is changed and no administrator's deed done. PINs are another matter:
 * nobody guesses 16 digits. */
static void judge(const Craton__Request *request, const Craton__Reply *reply)
{
	bool is_done = reply->fault == CRATON__FAULT__FAULT_NONE && reply->rv == CKR_OK;
	EXPECT(reply->body_case != CRATON__REPLY__BODY_LOGIN && reply->body_case != CRATON__REPLY__BODY_CRYPT);
	EXPECT(reply->body_case != CRATON__REPLY__BODY_SLOT_CREATE && reply->body_case != CRATON__REPLY__BODY_SNAPSHOT);
	switch (request->body_case) {
	case CRATON__REQUEST__BODY_CRYPT: case CRATON__REQUEST__BODY_WRAP_KEY: case CRATON__REQUEST__BODY_INIT_TOKEN:
	case CRATON__REQUEST__BODY_INIT_PIN: case CRATON__REQUEST__BODY_SET_PIN: case CRATON__REQUEST__BODY_DESTROY_OBJECT:
	case CRATON__REQUEST__BODY_STATUS: case CRATON__REQUEST__BODY_SLOT_ACCESS: case CRATON__REQUEST__BODY_SLOT_REMOVE: case CRATON__REQUEST__BODY_TRANSFER:
		EXPECT(!is_done);
		break;
	default:
		break;
	}
}

/* Whatever is asked is answered, or the connection is hung up on; nothing waits for ever. */
static void any_words(struct stage *stage, const ProtobufCBinaryData *known)
{
	struct client *b = &stage->b;
	for (int i = 0; i < ROUNDS; i++) {
		Craton__Request *request = any_request(any_body(), stage, known);
		Craton__Reply *reply = NULL;
		enum err err = call(b->channel, request, PATIENCE_MS, deadline_in(PATIENCE_MS), &reply);
		EXPECT(err == ERR_OK || err == ERR_CLOSED);
		if (err == ERR_OK)
			judge(request, reply);
		reply_free(reply);
		give_all_back();
		if (err != ERR_OK)
			client_connect(b);
	}
}

/* ---- frames of any shape */

/* A bare connection to the node's TLS port. */
static int dial(const struct client *client)
{
	int fd = -1;
	EXPECT(address_connect(&client->config.members[0].address, deadline_in(PATIENCE_MS), &fd) == ERR_OK);
	return fd;
}

/* TLS without a channel around it: frames of one's own. */
struct raw {
	int fd;
	SSL *ssl;
};

static struct raw raw_open(const struct client *client)
{
	struct raw raw = { .fd = dial(client) };
	struct identity node = { .kind = IDENTITY_NODE }, peer;
	EXPECT(tls_handshake(client->tls, false, raw.fd, &node, deadline_in(PATIENCE_MS), &raw.ssl, &peer) == ERR_OK);
	return raw;
}

static void wait_for(int fd, short events)
{
	struct pollfd poll_fd = { fd, events, 0 };
	EXPECT(poll(&poll_fd, 1, PATIENCE_MS) == 1);
}

static void raw_send(struct raw *raw, uint32_t size, uint8_t kind, const void *data, size_t data_size)
{
	static uint8_t frame[5 + sizeof noise];
	size_t done, sent = 0, all = 5 + data_size;
	memcpy(frame, (uint8_t[]){ (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size, kind }, 5);
	memcpy(frame + 5, data, data_size);
	while (sent < all) {
		short events = 0;
		if (tls_write(raw->ssl, frame + sent, all - sent, &done, &events) != ERR_OK)
			return; /* it has hung up already */
		sent += done;
		if (!done)
			wait_for(raw->fd, events);
	}
}

static void raw_close(struct raw *raw)
{
	tls_close(raw->ssl);
	close(raw->fd);
}

/* Whatever it says on the way. */
static void expect_hung_up(struct raw *raw)
{
	uint8_t said[4096];
	size_t done;
	short events;
	enum err err;
	while ((err = tls_read(raw->ssl, said, sizeof said, &done, &events)) == ERR_OK)
		if (!done)
			wait_for(raw->fd, events);
	EXPECT(err == ERR_CLOSED || err == ERR_REFUSED);
	raw_close(raw);
}

static void raw_say_hello(struct raw *raw)
{
	Craton__Hello body = CRATON__HELLO__INIT;
	REQUEST(HELLO, hello, body);
	uint8_t packed[256], said[512];
	size_t done = 0;
	short events;
	body.protocol = 1;
	body.program = (char *)(uintptr_t)"hostile";
	size_t size = craton__request__pack(&request, packed);
	raw_send(raw, (uint32_t)size + 1, FRAME_REQUEST, packed, size);
	while (!done) {
		EXPECT(tls_read(raw->ssl, said, sizeof said, &done, &events) == ERR_OK);
		if (!done)
			wait_for(raw->fd, events);
	}
}

/* Before Hello everything but Hello ends the connection: requests of every kind, replies, heartbeats, kinds there are not, sizes
 * there cannot be. */
static void before_hello(struct stage *stage)
{
	static uint8_t packed[1 << 20];
	const ProtobufCBinaryData nothing = BYTES("", 0);
	for (int i = 0; i < 20; i++) {
		struct raw raw = raw_open(&stage->b);
		Craton__Request *request = any_request(any_body(), stage, &nothing);
		size_t size = craton__request__get_packed_size(request);
		bool is_odd = i % 4 == 0 || request->body_case == CRATON__REQUEST__BODY_HELLO || size > sizeof noise;
		if (is_odd) {
			raw_send(&raw, (uint32_t)any_number(), (uint8_t)chance(256), noise, 200);
			shutdown(raw.fd, SHUT_WR);
		} else {
			craton__request__pack(request, packed);
			raw_send(&raw, (uint32_t)size + 1, FRAME_REQUEST, packed, size);
		}
		expect_hung_up(&raw);
		give_all_back();
	}
}

/* Bytes where TLS should begin; the node says nothing that matters and hangs up. */
static void no_handshake(struct stage *stage)
{
	char answer[256];
	for (int i = 0; i < 20; i++) {
		int fd = dial(&stage->b);
		send(fd, noise + chance(64), 1 + chance(2000), MSG_NOSIGNAL);
		shutdown(fd, SHUT_WR);
		ssize_t size;
		while ((size = recv(fd, answer, sizeof answer, 0)) > 0 || (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)))
			;
		close(fd);
	}
}

/* After Hello: a size that cannot be, a kind there is not, a message that does not parse, and one that never ends. */
static void broken_frames(struct stage *stage)
{
	for (int i = 0; i < 20; i++) {
		struct raw raw = raw_open(&stage->b);
		raw_say_hello(&raw);
		if (i % 4 == 0)
			raw_send(&raw, UINT32_MAX, FRAME_REQUEST, noise, 200);
		else if (i % 4 == 1)
			raw_send(&raw, 201, (uint8_t)(4 + chance(200)), noise, 200);
		else if (i % 4 == 2)
			raw_send(&raw, 201, FRAME_REQUEST, "\xff\xff\xff\xff", 4), raw_send(&raw, 0, 0, noise, 200);
		else
			raw_send(&raw, 60 << 20, FRAME_REQUEST, noise, 1000 + chance(60000));
		shutdown(raw.fd, SHUT_WR);
		expect_hung_up(&raw);
	}
}

/* A kind of request that is of no version: an answer, and the connection is as good as before. */
static void unknown_bodies(struct stage *stage)
{
	uint8_t unknown[] = { 0x18, 1, 0xc2, 0x3e, 2, 1, 2 }; /* slot 1; field 1000, two bytes */
	for (int i = 0; i < 3; i++) {
		Craton__Request *request = request_unpack(unknown, sizeof unknown);
		EXPECT(request);
		EXPECT(client_rv(&stage->b, request) == FAULT_RV(CRATON__FAULT__FAULT_MALFORMED));
		request->request_id = request->ticket = BYTES(NULL, 0);
		request_free(request);
	}
}

/* An operation in parts begins with FIRST and ends once: nothing out of order is done, whoever asks. */
static void parts_out_of_order(struct stage *stage, struct client *client, const ProtobufCBinaryData *known)
{
	static const Craton__CryptStage orders[][3] = {
		{ CRATON__CRYPT_STAGE__PART, CRATON__CRYPT_STAGE__PART, CRATON__CRYPT_STAGE__LAST },
		{ CRATON__CRYPT_STAGE__LAST, CRATON__CRYPT_STAGE__LAST, CRATON__CRYPT_STAGE__PART },
		{ CRATON__CRYPT_STAGE__FIRST, CRATON__CRYPT_STAGE__FIRST, CRATON__CRYPT_STAGE__PART },
		{ CRATON__CRYPT_STAGE__FIRST, CRATON__CRYPT_STAGE__LAST, CRATON__CRYPT_STAGE__LAST },
		{ CRATON__CRYPT_STAGE__FIRST, CRATON__CRYPT_STAGE__WHOLE, CRATON__CRYPT_STAGE__LAST },
		{ (Craton__CryptStage)77, CRATON__CRYPT_STAGE__PART, CRATON__CRYPT_STAGE__LAST },
	};
	for (size_t order = 0; order < sizeof orders / sizeof *orders; order++) {
		bool is_open = false;
		client_connect(client);
		for (size_t i = 0; i < 3; i++) {
			Craton__Mechanism mechanism;
			Craton__ObjectRef key = CRATON__OBJECT_REF__INIT;
			Craton__Crypt body = CRATON__CRYPT__INIT;
			REQUEST(CRYPT, crypt, body);
			Craton__Reply *reply = NULL;
			craton__mechanism__init(&mechanism);
			mechanism.type = CKM_SHA256_HMAC;
			key.id = *known;
			body.key = &key;
			body.mechanism = &mechanism;
			body.stage = orders[order][i];
			request.slot = stage->both;
			request.ticket = BYTES(client->ticket, client->ticket_size);
			bool is_in_order = client->ticket_size && (body.stage == CRATON__CRYPT_STAGE__FIRST) != is_open;
			enum err err = call(client->channel, &request, PATIENCE_MS, deadline_in(PATIENCE_MS), &reply);
			EXPECT(err == ERR_CLOSED || err == ERR_OK);
			bool is_done = err == ERR_OK && !reply->fault && reply->rv == CKR_OK;
			EXPECT(!is_done || (is_in_order && body.stage != CRATON__CRYPT_STAGE__WHOLE));
			EXPECT(is_done || !is_in_order || body.stage == CRATON__CRYPT_STAGE__WHOLE);
			is_open = is_done && body.stage != CRATON__CRYPT_STAGE__LAST;
			reply_free(reply);
			if (err != ERR_OK)
				client_connect(client);
		}
	}
}

/* As many as the node takes, and more: those that say nothing, those that only shake hands. It lets them wait, then go. */
static void a_crowd(struct stage *stage, const ProtobufCBinaryData *known)
{
	enum { CROWD = 1200 };
	static int fds[CROWD];
	for (int i = 0; i < CROWD; i++) {
		fds[i] = dial(&stage->b);
		if (i % 3 == 0)
			send(fds[i], noise, 3, MSG_NOSIGNAL);
	}
	EXPECT(use_key(&stage->a, known, NULL) == CKR_OK); /* who was there before is served */
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
}

/* The same forbidden thing, over and over, on one connection. */
static void one_thing_a_thousand_times(struct stage *stage, const ProtobufCBinaryData *known)
{
	client_connect(&stage->b);
	stage->b.slot = stage->alpha;
	for (int i = 0; i < 1000; i++)
		EXPECT(use_key(&stage->b, known, NULL) == CKR_SLOT_ID_INVALID);
	stage->b.slot = stage->beta;
}

void hostile_words(struct stage *stage, uint64_t seed)
{
	noise_begin(seed);
	/* A key of a's in the slot that b may use, too; but b never logs in there. */
	stage->a.slot = stage->both;
	EXPECT(client_login(&stage->a, CRATON__ROLE__ROLE_USER, stage->user_pin) == CKR_OK);
	Craton__Reply *made = make_key(&stage->a, true);
	const ProtobufCBinaryData known = made->created->list[0]->id;
	EXPECT(use_key(&stage->a, &known, NULL) == CKR_OK);
	before_hello(stage);
	no_handshake(stage);
	broken_frames(stage);
	unknown_bodies(stage);
	parts_out_of_order(stage, &stage->b, &known);
	parts_out_of_order(stage, &stage->a, &known);
	client_connect(&stage->a);
	any_words(stage, &known);
	one_thing_a_thousand_times(stage, &known);
	a_crowd(stage, &known);
	EXPECT(use_key(&stage->a, &known, NULL) == CKR_OK);
	client_connect(&stage->b);
	reply_free(made);
}
