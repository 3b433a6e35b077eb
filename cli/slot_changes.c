/* craton slot access | remove. */
#include "cli/prompt.h"
#include "cli/slots.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What is done with the slot that the operand names. */
typedef enum err deed(const struct asker *asker, const struct options *options, const Craton__SlotInfo *slot,
                      struct complaint *complaint);

static int with_slot(const struct options *options, deed *act)
{
	struct complaint complaint = { "" };
	const Craton__SlotInfo *slot = NULL;
	Craton__Reply *list = NULL;
	struct asker asker;
	enum err err = asker_open(options->conf, &asker, &complaint);
	if (err != ERR_OK)
		return command_failed(&complaint);
	err = slots_ask(&asker, &list, &complaint);
	if (err == ERR_OK)
		slot = slot_named(list->slot_list, options->operand, &complaint);
	if (slot)
		err = act(&asker, options, slot, &complaint);
	if (list)
		craton__reply__free_unpacked(list, NULL);
	asker_close(&asker);
	return slot && err == ERR_OK ? COMMAND_OK : command_failed(&complaint);
}

static enum err set_access(const struct asker *asker, const struct options *options, const Craton__SlotInfo *slot,
                           struct complaint *complaint)
{
	Craton__SlotAccess body = CRATON__SLOT_ACCESS__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	struct who who;
	enum err err = who_parse(options->allow, &who, complaint);
	body.slot = slot->slot;
	body.allowed = who.names;
	body.n_allowed = who.count;
	request.body_case = CRATON__REQUEST__BODY_SLOT_ACCESS;
	request.slot_access = &body;
	if (err == ERR_OK)
		err = ask_deed(asker, &request, complaint);
	free(who.copy);
	return err;
}

int slot_access_run(const struct options *options)
{
	struct complaint complaint = { "" };
	if (!options->allow) {
		complain(&complaint, ERR_CONFIG, "slot access: say --allow WHO[,WHO...] or --allow everyone");
		return command_failed(&complaint);
	}
	return with_slot(options, set_access);
}

static enum err remove_slot(const struct asker *asker, const struct options *options, const Craton__SlotInfo *slot,
                            struct complaint *complaint)
{
	Craton__SlotRemove body = CRATON__SLOT_REMOVE__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	char question[128];
	snprintf(question, sizeof question, "Slot %" PRIu32 " \"%s\" and all keys in it will be gone for good. Remove it? (yes/no)",
	         slot->slot, slot->label);
	enum err err = options->yes ? ERR_OK : prompt_yes(question, complaint);
	body.slot = slot->slot;
	request.body_case = CRATON__REQUEST__BODY_SLOT_REMOVE;
	request.slot_remove = &body;
	return err == ERR_OK ? ask_deed(asker, &request, complaint) : err;
}

int slot_remove_run(const struct options *options)
{
	return with_slot(options, remove_slot);
}
