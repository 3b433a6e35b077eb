/* craton slot create | list. */
#include "cli/slots.h"
#include "base/id.h"
#include "cli/prompt.h"
#include "cli/print.h"
#include "wire/cryptoki.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PIN_SIZE_MIN 4
#define PIN_SIZE_MAX 255
#define LABEL_SIZE_MAX 32 /* CK_TOKEN_INFO's label */

enum err who_parse(const char *text, struct who *who, struct complaint *complaint)
{
	*who = (struct who){ .count = 0 };
	if (!text || strcmp(text, "everyone") == 0)
		return ERR_OK;
	char *rest = who->copy = strdup(text);
	if (!rest)
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	for (char *name; (name = strsep(&rest, ","));) {
		if (who->count == WHO_MAX)
			return complain(complaint, ERR_CONFIG, "--allow: more than %d names", WHO_MAX);
		who->names[who->count++] = name;
	}
	return ERR_OK;
}

/* The answer must be one to this question; the reply is given back if it is not. */
static enum err check_body(Craton__Reply **reply, Craton__Reply__BodyCase wanted, struct complaint *complaint)
{
	if ((*reply)->body_case == wanted)
		return ERR_OK;
	craton__reply__free_unpacked(*reply, NULL);
	*reply = NULL;
	return complain(complaint, ERR_MALFORMED, "the answer is not one to this question");
}

enum err slot_create(const struct asker *asker, const struct new_slot *slot, Craton__Reply **out, struct complaint *complaint)
{
	struct id request_id = id_random();
	char label[LABEL_SIZE_MAX + 1];
	Craton__SlotCreate body = CRATON__SLOT_CREATE__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	if (strlen(slot->label) > LABEL_SIZE_MAX)
		return complain(complaint, ERR_CONFIG, "the label is longer than %d bytes: %s", LABEL_SIZE_MAX, slot->label);
	for (const char *at = slot->label; *at; at++)
		if (iscntrl((unsigned char)*at))
			return complain(complaint, ERR_CONFIG, "the label has a control character in it");
	strcpy(label, slot->label);
	body.label = label;
	body.so_pin = (ProtobufCBinaryData){ slot->so_pin->size, slot->so_pin->data };
	if (slot->pin)
		body.user_pin = (ProtobufCBinaryData){ slot->pin->size, slot->pin->data };
	body.allowed = (char **)(uintptr_t)slot->who.names;
	body.n_allowed = slot->who.count;
	request.request_id = (ProtobufCBinaryData){ ID_SIZE, request_id.bytes };
	request.timeout_ms = (uint32_t)asker->config.command_ms;
	request.body_case = CRATON__REQUEST__BODY_SLOT_CREATE;
	request.slot_create = &body;
	enum err err = ask_any(asker, &request, out, complaint);
	return err == ERR_OK ? check_body(out, CRATON__REPLY__BODY_SLOT_CREATE, complaint) : err;
}

enum err slots_ask(const struct asker *asker, Craton__Reply **out, struct complaint *complaint)
{
	Craton__SlotListRequest body = CRATON__SLOT_LIST_REQUEST__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	request.timeout_ms = (uint32_t)asker->config.command_ms;
	request.body_case = CRATON__REQUEST__BODY_SLOT_LIST;
	request.slot_list = &body;
	enum err err = ask_any(asker, &request, out, complaint);
	return err == ERR_OK ? check_body(out, CRATON__REPLY__BODY_SLOT_LIST, complaint) : err;
}

static bool is_named(const Craton__SlotInfo *slot, const char *name)
{
	char id[16];
	snprintf(id, sizeof id, "%" PRIu32, slot->slot);
	return strcmp(strspn(name, "0123456789") == strlen(name) ? id : slot->label, name) == 0;
}

const Craton__SlotInfo *slot_named(const Craton__SlotListReply *list, const char *name, struct complaint *complaint)
{
	const Craton__SlotInfo *found = NULL;
	for (size_t i = 0; i < list->n_list; i++) {
		if (!is_named(list->list[i], name))
			continue;
		if (found) {
			complain(complaint, ERR_NOT_FOUND, "several slots have the label %s; say which by its id", name);
			return NULL;
		}
		found = list->list[i];
	}
	if (!found)
		complain(complaint, ERR_NOT_FOUND, "there is no slot %s; `craton slot list` shows all", name);
	return found;
}

/* From the file, the environment or the terminal, in this order. */
static enum err pin_find(const char *file, const char *variable, const char *question, struct secret **out,
                         struct complaint *complaint)
{
	if (file || getenv(variable))
		return secret_load(file, variable, NULL, PIN_SIZE_MIN, PIN_SIZE_MAX, out, complaint);
	return prompt_secret(question, PIN_SIZE_MIN, PIN_SIZE_MAX, out, complaint);
}

static enum err create(const struct options *options, struct new_slot *slot, Craton__Reply **reply, struct complaint *complaint)
{
	struct asker asker;
	enum err err = asker_open(options->conf, &asker, complaint);
	if (err != ERR_OK)
		return err;
	err = slot_create(&asker, slot, reply, complaint);
	asker_close(&asker);
	return err;
}

int slot_create_run(const struct options *options)
{
	struct complaint complaint = { "" };
	struct secret *so_pin = NULL, *pin = NULL;
	struct new_slot slot = { .label = options->label };
	Craton__Reply *reply = NULL;
	enum err err = who_parse(options->allow, &slot.who, &complaint);
	if (err == ERR_OK && !options->label)
		err = complain(&complaint, ERR_CONFIG, "slot create: say --label TEXT, which applications will see");
	if (err == ERR_OK)
		err = pin_find(options->so_pin_file, "CRATON_SO_PIN", "PIN of the security officer", &so_pin, &complaint);
	if (err == ERR_OK)
		err = pin_find(options->pin_file, "CRATON_PIN", "PIN of the user", &pin, &complaint);
	slot.so_pin = so_pin;
	slot.pin = pin;
	if (err == ERR_OK)
		err = create(options, &slot, &reply, &complaint);
	if (err == ERR_OK)
		printf("slot %" PRIu32 " serial %s\n", reply->slot_create->slot, reply->slot_create->serial);
	if (reply)
		craton__reply__free_unpacked(reply, NULL);
	free(slot.who.copy);
	secret_destroy(pin);
	secret_destroy(so_pin);
	return err == ERR_OK ? COMMAND_OK : command_failed(&complaint);
}

void who_print(const Craton__SlotInfo *slot, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "%s", slot->n_allowed ? slot->allowed[0] : "everyone");
	for (size_t i = 1; i < slot->n_allowed && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, ",%s", slot->allowed[i]);
	if (used >= size)
		memcpy(text + size - sizeof "...", "...", sizeof "...");
}

static void print_slots(const Craton__SlotListReply *list)
{
	static struct table table;
	table_init(&table, "SLOT LABEL SERIAL MODEL PIN ACCESS");
	for (size_t i = 0; i < list->n_list; i++) {
		const Craton__SlotInfo *slot = list->list[i];
		char who[TABLE_CELL_SIZE];
		who_print(slot, who, sizeof who);
		table_add(&table, "%" PRIu32, slot->slot);
		table_add(&table, "%s", slot->label);
		table_add(&table, "%s", slot->serial);
		table_add(&table, "%s", slot->model);
		table_add(&table, "%s", slot->token_flags & CKF_USER_PIN_LOCKED ? "locked" :
		          slot->token_flags & CKF_USER_PIN_INITIALIZED ? "set" : "not set");
		table_add(&table, "%s", who);
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
		printf(",\"allowed\":[");
		for (size_t j = 0; j < slot->n_allowed; j++) {
			fputs(j ? "," : "", stdout);
			json_text(stdout, slot->allowed[j]);
		}
		printf("]}");
	}
	printf("]}\n");
}

int slot_list_run(const struct options *options)
{
	struct complaint complaint = { "" };
	Craton__Reply *reply = NULL;
	struct asker asker;
	enum err err = asker_open(options->conf, &asker, &complaint);
	if (err != ERR_OK)
		return command_failed(&complaint);
	err = slots_ask(&asker, &reply, &complaint);
	if (err == ERR_OK)
		(options->json ? print_slots_json : print_slots)(reply->slot_list);
	if (reply)
		craton__reply__free_unpacked(reply, NULL);
	asker_close(&asker);
	return err == ERR_OK ? COMMAND_OK : command_failed(&complaint);
}
