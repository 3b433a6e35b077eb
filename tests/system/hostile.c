/* hostile A.conf B.conf ADMIN.conf ALPHA BETA BOTH SEED
 *
 * Client b, with a good certificate of its own, against slot ALPHA, which is a's alone, and against the node. $CRATON_PIN is the
 * user PIN of all three slots. Ends with 0 if nothing was to be had. */
#include "tests/system/hostile.h"
#include "base/clock.h"
#include <signal.h>

#define PATIENCE_MS 60000 /* for giving up, not for passing */

void fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	exit(1);
}

struct channel *client_channel(const struct client *client)
{
	const struct client_member *member = &client->config.members[0];
	struct identity node = { .kind = IDENTITY_NODE };
	struct channel *channel = NULL;
	snprintf(node.name, sizeof node.name, "%s", member->name);
	channel_connect(&member->address, client->tls, &node, deadline_in(PATIENCE_MS), &channel);
	return channel;
}

void client_connect(struct client *client)
{
	Craton__HelloReply *hello = NULL;
	channel_close(client->channel);
	client->channel = client_channel(client);
	EXPECT(client->channel);
	EXPECT(call_hello(client->channel, "hostile", deadline_in(PATIENCE_MS), &hello) == ERR_OK);
	craton__hello_reply__free_unpacked(hello, NULL);
}

void client_open(struct client *client, const char *conf, uint32_t slot)
{
	struct complaint complaint = { "" };
	*client = (struct client){ .slot = slot };
	EXPECT(client_config_load(conf, &client->config, &complaint) == ERR_OK);
	EXPECT(client_config_tls(&client->config, &client->tls, &complaint) == ERR_OK);
	client_connect(client);
}

void client_close(struct client *client)
{
	channel_close(client->channel);
	tls_destroy(client->tls);
	client_config_release(&client->config);
}

Craton__Reply *client_ask(struct client *client, Craton__Request *request)
{
	Craton__Reply *reply = NULL;
	struct id id = id_random();
	if (!request->slot)
		request->slot = client->slot;
	if (!request->ticket.data)
		request->ticket = BYTES(client->ticket, client->ticket_size);
	if (!request->request_id.data)
		request->request_id = BYTES(id.bytes, ID_SIZE);
	EXPECT(call(client->channel, request, PATIENCE_MS, DEADLINE_NEVER, &reply) == ERR_OK);
	return reply;
}

uint64_t client_rv(struct client *client, Craton__Request *request)
{
	Craton__Reply *reply = client_ask(client, request);
	uint64_t rv = reply->fault ? FAULT_RV(reply->fault) : reply->rv;
	reply_free(reply);
	return rv;
}

uint64_t client_login(struct client *client, Craton__Role role, const char *pin)
{
	Craton__Login body = CRATON__LOGIN__INIT;
	REQUEST(LOGIN, login, body);
	body.role = role;
	body.pin = TEXT(pin);
	request.ticket = BYTES("", 0);
	Craton__Reply *reply = client_ask(client, &request);
	uint64_t rv = reply->fault ? FAULT_RV(reply->fault) : reply->rv;
	client->ticket_size = 0;
	if (rv == CKR_OK) {
		client->ticket_size = reply->login->ticket.len;
		EXPECT(client->ticket_size <= sizeof client->ticket);
		memcpy(client->ticket, reply->login->ticket.data, client->ticket_size);
	}
	reply_free(reply);
	return rv;
}

static void fill(Craton__Attribute *attribute, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
	craton__attribute__init(attribute);
	attribute->type = type;
	attribute->value = BYTES(value, size);
}

Craton__Reply *make_key(struct client *client, bool is_token)
{
	Craton__Attribute attributes[4], *list[] = { &attributes[0], &attributes[1], &attributes[2], &attributes[3] };
	Craton__Mechanism mechanism;
	Craton__GenerateKey body = CRATON__GENERATE_KEY__INIT;
	REQUEST(GENERATE_KEY, generate_key, body);
	fill(&attributes[0], CKA_TOKEN, is_token ? "\1" : "\0", 1);
	fill(&attributes[1], CKA_PRIVATE, "\1", 1);
	fill(&attributes[2], CKA_SIGN, "\1", 1);
	fill(&attributes[3], CKA_VALUE_LEN, "\x20\0\0\0\0\0\0\0", 8);
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_GENERIC_SECRET_KEY_GEN;
	body.mechanism = &mechanism;
	body.attributes = list;
	body.n_attributes = 4;
	Craton__Reply *reply = client_ask(client, &request);
	EXPECT(!reply->fault && reply->rv == CKR_OK && reply->body_case == CRATON__REPLY__BODY_CREATED);
	return reply;
}

uint64_t use_key(struct client *client, const ProtobufCBinaryData *id, Craton__Object *carried)
{
	Craton__Mechanism mechanism;
	Craton__ObjectRef key = CRATON__OBJECT_REF__INIT;
	Craton__Crypt body = CRATON__CRYPT__INIT;
	REQUEST(CRYPT, crypt, body);
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_SHA256_HMAC;
	key.id = *id;
	key.carried = carried;
	body.kind = CRATON__CRYPT_KIND__SIGN;
	body.key = &key;
	body.mechanism = &mechanism;
	body.data = TEXT("data");
	return client_rv(client, &request);
}

int main(int argc, char **argv)
{
	struct stage stage = { .user_pin = getenv("CRATON_PIN") };
	if (argc != 8 || !stage.user_pin) {
		fprintf(stderr, "usage: hostile A.conf B.conf ADMIN.conf ALPHA BETA BOTH SEED\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	stage.alpha = (uint32_t)atoi(argv[4]);
	stage.beta = (uint32_t)atoi(argv[5]);
	stage.both = (uint32_t)atoi(argv[6]);
	client_open(&stage.a, argv[1], stage.alpha);
	client_open(&stage.b, argv[2], stage.beta);
	client_open(&stage.admin, argv[3], 0);
	hostile_words(&stage, strtoull(argv[7], NULL, 0));
	hostile_slots(&stage);
	client_close(&stage.a);
	client_close(&stage.b);
	client_close(&stage.admin);
	return 0;
}
