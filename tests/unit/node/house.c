#include "tests/unit/node/house.h"
#include "backend/domain.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "tests/support/free_port.h"
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(enum err err, const struct complaint *complaint, const char *what)
{
	if (err == ERR_OK)
		return;
	fprintf(stderr, "tests: %s: %s (%s)\n", what, complaint->text, err_name(err));
	abort();
}

const char *house_file(const struct node_house *house, const char *name)
{
	static _Thread_local char texts[8][160];
	static _Thread_local unsigned next;
	char *text = texts[next++ % 8];
	snprintf(text, sizeof texts[0], "%s/%s", house->folder, name);
	return text;
}

void house_write(const struct node_house *house, const char *name, const char *text, unsigned mode)
{
	struct complaint none = { "" };
	must(file_write(house_file(house, name), text, strlen(text), mode), &none, name);
	chmod(house_file(house, name), mode);
}

void house_settings(struct node_house *house, const char *more)
{
	char text[4096];
	struct complaint complaint = { "" };
	node_config_release(&house->config);
	snprintf(text, sizeof text,
	         "[node]\nid = 1\nname = a\nstate = state\n"
	         "[raft]\nlisten = 127.0.0.1:%u\nsecret_file = secret\nelection = 200ms\nheartbeat = 20ms\n"
	         "[founder a]\nid = 1\naddress = 127.0.0.1:%u\n"
	         "[tls]\nauthority = %s\ncertificate = %s\nkey = %s\n"
	         "[token]\nmodule = %s\nuri = pkcs11:token=a\npin_file = pin\n"
	         "[listen]\nunix = socket\n%s", house->raft_port, house->raft_port,
	         test_authority_file(house->authority, "authority", "crt"), test_authority_file(house->authority, "a", "crt"),
	         test_authority_file(house->authority, "a", "key"), softhsm_module(), more);
	house_write(house, "cratond.conf", text, 0600);
	must(node_config_parse(house_file(house, "cratond.conf"), text, strlen(text), &house->config, &complaint), &complaint,
	     "settings");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void house_forget(struct node_house *house)
{
	nftw(house_file(house, "state"), remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void house_mend(struct node_house *house)
{
	struct identity who = { IDENTITY_NODE, "a" };
	test_authority_issue_identity(house->authority, "a", &who);
	house_write(house, "secret", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 0600);
	house_write(house, "pin", SOFTHSM_PIN "\n", 0600);
	house_settings(house, "");
}

void house_prepare(struct node_house *house)
{
	static const char *const labels[] = { "a" };
	struct complaint complaint = { "" };
	*house = (struct node_house){ .folder = "/tmp/craton-node-XXXXXX", .raft_port = free_port() };
	log_to_stderr(getenv("CRATON_TEST_LOG") ? LOG_DEBUG_LINE : LOG_ERROR_LINE);
	if (!mkdtemp(house->folder))
		abort();
	softhsm_start(&house->softhsm, labels, 1);
	struct token_config token = softhsm_config(&house->softhsm, 0);
	must(domain_create(&token, house->softhsm.so_pin, &complaint), &complaint, "domain");
	house->authority = test_authority_create();
	house_mend(house);
}

void house_start(struct node_house *house, bool serves)
{
	struct complaint complaint = { "" };
	must(node_open(&house->config, &house->node, &complaint), &complaint, "opening the node");
	if (serves)
		must(server_open(&house->config, &house->server, &complaint), &complaint, "opening the doors");
	must(node_start(house->node, &complaint), &complaint, "starting the node");
	if (serves)
		must(server_start(house->server, house->node, &complaint), &complaint, "letting clients in");
}

void house_stop(struct node_house *house)
{
	if (house->server)
		CU_ASSERT_TRUE(server_stop(house->server, deadline_in(5000)));
	if (house->node)
		node_stop(house->node, deadline_in(1000));
	server_close(house->server);
	node_close(house->node);
	house->server = NULL;
	house->node = NULL;
}

void house_clear(struct node_house *house)
{
	node_config_release(&house->config);
	test_authority_destroy(house->authority);
	softhsm_stop(&house->softhsm);
	nftw(house->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void house_open(struct node_house *house, bool serves)
{
	house_prepare(house);
	house_start(house, serves);
}

void house_close(struct node_house *house)
{
	house_stop(house);
	house_clear(house);
}

/* The log */

static int said, stderr_before;

void log_listen(void)
{
	said = memfd_create("log", MFD_CLOEXEC);
	stderr_before = dup(STDERR_FILENO);
	CU_ASSERT_FATAL(said >= 0 && stderr_before >= 0 && dup2(said, STDERR_FILENO) >= 0);
	log_to_stderr(LOG_INFO_LINE);
}

unsigned log_heard(const char *words)
{
	char text[16384];
	unsigned times = 0;
	ssize_t size = pread(said, text, sizeof text - 1, 0);
	dup2(stderr_before, STDERR_FILENO);
	log_to_stderr(LOG_ERROR_LINE);
	close(stderr_before);
	close(said);
	text[size > 0 ? size : 0] = '\0';
	for (const char *at = text; (at = strstr(at, words)); at++)
		times++;
	return times;
}

/* Asking */

void talk_begin(struct talk *talk, struct node_house *house, uint32_t slot)
{
	*talk = (struct talk){ .node = house->node, .slot = slot };
	talk->client.identity = (struct identity){ IDENTITY_LOCAL_USER, "uid:0" };
	talk->client.may_administer = true;
}

Craton__Reply *talk_ask(struct talk *talk, Craton__Request *request)
{
	if (!talk->keep_request)
		talk->request = id_random();
	request->slot = talk->slot;
	request->request_id = (ProtobufCBinaryData){ ID_SIZE, talk->request.bytes };
	request->ticket = (ProtobufCBinaryData){ talk->ticket_size, talk->ticket };
	Craton__Reply *reply = question_answer(talk->node, &talk->client, request);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
	return reply;
}

CK_RV talk_rv(struct talk *talk, Craton__Request *request, Craton__Fault *fault)
{
	Craton__Reply *reply = talk_ask(talk, request);
	CK_RV rv = reply->fault == CRATON__FAULT__FAULT_NONE ? reply->rv : CKR_FUNCTION_FAILED;
	if (fault)
		*fault = reply->fault;
	else
		CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	reply_free(reply);
	return rv;
}

uint32_t talk_create_slot(struct talk *talk, const char *label)
{
	Craton__SlotCreate body = CRATON__SLOT_CREATE__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	char copy[64];
	snprintf(copy, sizeof copy, "%s", label);
	body.label = copy;
	body.so_pin = (ProtobufCBinaryData){ strlen(SO_PIN), (uint8_t *)SO_PIN };
	body.user_pin = (ProtobufCBinaryData){ strlen(USER_PIN), (uint8_t *)USER_PIN };
	request.body_case = CRATON__REQUEST__BODY_SLOT_CREATE;
	request.slot_create = &body;
	Craton__Reply *reply = talk_ask(talk, &request);
	CU_ASSERT_EQUAL_FATAL(reply->rv, CKR_OK);
	CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_SLOT_CREATE);
	talk->slot = reply->slot_create->slot;
	reply_free(reply);
	return talk->slot;
}

CK_RV talk_login(struct talk *talk, Craton__Role role, const char *pin)
{
	Craton__Login body = CRATON__LOGIN__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	char copy[300];
	snprintf(copy, sizeof copy, "%s", pin);
	body.role = role;
	body.pin = (ProtobufCBinaryData){ strlen(copy), (uint8_t *)copy };
	request.body_case = CRATON__REQUEST__BODY_LOGIN;
	request.login = &body;
	talk->ticket_size = 0;
	Craton__Reply *reply = talk_ask(talk, &request);
	CK_RV rv = reply->rv;
	CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	if (rv == CKR_OK) {
		CU_ASSERT_EQUAL_FATAL(reply->login->ticket.len, TICKET_SIZE);
		memcpy(talk->ticket, reply->login->ticket.data, TICKET_SIZE);
		talk->ticket_size = TICKET_SIZE;
	}
	reply_free(reply);
	return rv;
}

void template_bytes(struct template *template_, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
	size_t i = template_->count++;
	if (i == 16)
		abort();
	craton__attribute__init(&template_->attributes[i]);
	template_->attributes[i].type = type;
	template_->attributes[i].value = (ProtobufCBinaryData){ size, (uint8_t *)(uintptr_t)value };
	template_->list[i] = &template_->attributes[i];
}

void template_bool(struct template *template_, CK_ATTRIBUTE_TYPE type, bool value)
{
	template_->numbers[template_->count][0] = value;
	template_bytes(template_, type, template_->numbers[template_->count], 1);
}

void template_number(struct template *template_, CK_ATTRIBUTE_TYPE type, uint64_t value)
{
	uint8_t *bytes = template_->numbers[template_->count];
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	template_bytes(template_, type, bytes, 8);
}
