/* craton slot create | list. */
#include "cli/slots.h"
#include "base/id.h"
#include "cli/prompt.h"
#include "cli/print.h"
#include "wire/cryptoki.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PIN_SIZE_MIN 4
#define PIN_SIZE_MAX 255
#define LABEL_SIZE_MAX 32 /* CK_TOKEN_INFO's label */

enum err slot_create(const struct asker *asker, const char *label, const struct secret *so_pin,
                     const struct secret *pin, Craton__Reply **out, struct complaint *complaint)
{
	struct id request_id = id_random();
	char label_copy[LABEL_SIZE_MAX + 1];
	Craton__SlotCreate body = CRATON__SLOT_CREATE__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	if (strlen(label) > LABEL_SIZE_MAX)
		return complain(complaint, ERR_CONFIG, "the label is longer than %d bytes: %s", LABEL_SIZE_MAX, label);
	strcpy(label_copy, label);
	body.label = label_copy;
	body.so_pin = (ProtobufCBinaryData){ so_pin->size, so_pin->data };
	if (pin)
		body.user_pin = (ProtobufCBinaryData){ pin->size, pin->data };
	request.request_id = (ProtobufCBinaryData){ ID_SIZE, request_id.bytes };
	request.timeout_ms = (uint32_t)asker->config.command_ms;
	request.body_case = CRATON__REQUEST__BODY_SLOT_CREATE;
	request.slot_create = &body;
	enum err err = ask_any(asker, &request, out, complaint);
	if (err == ERR_OK && (*out)->body_case != CRATON__REPLY__BODY_SLOT_CREATE) {
		craton__reply__free_unpacked(*out, NULL);
		*out = NULL;
		err = complain(complaint, ERR_MALFORMED, "the answer is not one to this question");
	}
	return err;
}

/* From the file, the environment or the terminal, in this order. */
static enum err pin_find(const char *file, const char *variable, const char *question, struct secret **out,
                         struct complaint *complaint)
{
	if (file || getenv(variable))
		return secret_load(file, variable, NULL, PIN_SIZE_MIN, PIN_SIZE_MAX, out, complaint);
	return prompt_secret(question, PIN_SIZE_MIN, PIN_SIZE_MAX, out, complaint);
}

int slot_create_run(const struct options *options)
{
	struct complaint complaint = { "" };
	struct secret *so_pin = NULL, *pin = NULL;
	Craton__Reply *reply = NULL;
	struct asker asker;
	enum err err = asker_open(options->conf, &asker, &complaint);
	if (err != ERR_OK)
		return command_failed(&complaint);
	if (!options->label)
		err = complain(&complaint, ERR_CONFIG, "slot create: say --label TEXT, which applications will see");
	if (err == ERR_OK)
		err = pin_find(options->so_pin_file, "CRATON_SO_PIN", "PIN of the security officer", &so_pin, &complaint);
	if (err == ERR_OK)
		err = pin_find(options->pin_file, "CRATON_PIN", "PIN of the user", &pin, &complaint);
	if (err == ERR_OK)
		err = slot_create(&asker, options->label, so_pin, pin, &reply, &complaint);
	if (err == ERR_OK)
		printf("slot %" PRIu32 " serial %s\n", reply->slot_create->slot, reply->slot_create->serial);
	if (reply)
		craton__reply__free_unpacked(reply, NULL);
	secret_destroy(pin);
	secret_destroy(so_pin);
	asker_close(&asker);
	return err == ERR_OK ? COMMAND_OK : command_failed(&complaint);
}

static void print_slots(const Craton__SlotListReply *list)
{
	static struct table table;
	table_init(&table, "SLOT LABEL SERIAL MODEL PIN");
	for (size_t i = 0; i < list->n_list; i++) {
		const Craton__SlotInfo *slot = list->list[i];
		table_add(&table, "%" PRIu32, slot->slot);
		table_add(&table, "%s", slot->label);
		table_add(&table, "%s", slot->serial);
		table_add(&table, "%s", slot->model);
		table_add(&table, "%s", slot->token_flags & CKF_USER_PIN_LOCKED ? "locked" :
		          slot->token_flags & CKF_USER_PIN_INITIALIZED ? "set" : "not set");
	}
	table_print(&table, stdout);
}

static void print_slots_json(const Craton__SlotListReply *list)
{
	printf("{\"slots\":[");
	for (size_t i = 0; i < list->n_list; i++) {
		const Craton__SlotInfo *slot = list->list[i];
		json_number(stdout, i ? ",{" : "{", "slot", slot->slot);
		json_member(stdout, ",", "label", slot->label);
		json_member(stdout, ",", "serial", slot->serial);
		json_member(stdout, ",", "model", slot->model);
		json_number(stdout, ",", "flags", slot->token_flags);
		printf("}");
	}
	printf("]}\n");
}

int slot_list_run(const struct options *options)
{
	Craton__SlotListRequest body = CRATON__SLOT_LIST_REQUEST__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	struct complaint complaint = { "" };
	Craton__Reply *reply = NULL;
	struct asker asker;
	enum err err = asker_open(options->conf, &asker, &complaint);
	if (err != ERR_OK)
		return command_failed(&complaint);
	request.timeout_ms = (uint32_t)asker.config.command_ms;
	request.body_case = CRATON__REQUEST__BODY_SLOT_LIST;
	request.slot_list = &body;
	err = ask_any(&asker, &request, &reply, &complaint);
	if (err == ERR_OK && reply->body_case != CRATON__REPLY__BODY_SLOT_LIST)
		err = complain(&complaint, ERR_MALFORMED, "the answer is not one to this question");
	if (err == ERR_OK)
		(options->json ? print_slots_json : print_slots)(reply->slot_list);
	if (reply)
		craton__reply__free_unpacked(reply, NULL);
	asker_close(&asker);
	return err == ERR_OK ? COMMAND_OK : command_failed(&complaint);
}
