/* A slot as bytes, both ways. */
#include "store/parts.h"
#include <string.h>

static void pin_to_state(const struct pin_record *pin, Craton__PinState *state)
{
	craton__pin_state__init(state);
	state->salt = (ProtobufCBinaryData){ sizeof pin->salt, (uint8_t *)(uintptr_t)pin->salt };
	state->mac = (ProtobufCBinaryData){ sizeof pin->mac, (uint8_t *)(uintptr_t)pin->mac };
	state->failures = pin->failures;
}

static bool pin_from_state(const Craton__PinState *state, struct pin_record *pin)
{
	if (!state)
		return true;
	if (state->salt.len != sizeof pin->salt || state->mac.len != sizeof pin->mac)
		return false;
	pin->is_set = true;
	pin->failures = state->failures;
	memcpy(pin->salt, state->salt.data, sizeof pin->salt);
	memcpy(pin->mac, state->mac.data, sizeof pin->mac);
	return true;
}

enum err slot_pack(const struct slot_record *slot, const struct slot_access *access, struct buf *out)
{
	Craton__PinState so, user;
	Craton__SlotState state;
	craton__slot_state__init(&state);
	pin_to_state(&slot->so, &so);
	pin_to_state(&slot->user, &user);
	state.slot = slot->slot;
	state.label = (char *)(uintptr_t)slot->label;
	state.serial = (char *)(uintptr_t)slot->serial;
	state.generation = slot->generation;
	state.life = slot->life;
	state.so = slot->so.is_set ? &so : NULL;
	state.user = slot->user.is_set ? &user : NULL;
	state.allowed = access->allowed;
	state.n_allowed = access->count;
	uint8_t *room = buf_extend(out, craton__slot_state__get_packed_size(&state));
	if (!room)
		return ERR_NO_MEMORY;
	craton__slot_state__pack(&state, room);
	return ERR_OK;
}

bool slot_unpack(const void *body, size_t size, struct slot_record *out, struct slot_access *access)
{
	Craton__SlotState *state = craton__slot_state__unpack(NULL, size, body);
	memset(out, 0, sizeof *out);
	if (access)
		*access = (struct slot_access){ NULL, 0 };
	bool ok = state && strlen(state->label) < sizeof out->label && strlen(state->serial) < sizeof out->serial
	          && pin_from_state(state->so, &out->so) && pin_from_state(state->user, &out->user)
	          && (!access || slot_access_copy(access, state->allowed, state->n_allowed) == ERR_OK);
	if (ok) {
		out->slot = state->slot;
		strcpy(out->label, state->label);
		strcpy(out->serial, state->serial);
		out->generation = state->generation;
		out->life = state->life;
	}
	if (state)
		craton__slot_state__free_unpacked(state, NULL);
	return ok;
}
