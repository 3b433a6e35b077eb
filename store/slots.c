/* Slots, their PINs and the counting of failed logins. */
#include "store/parts.h"
#include <string.h>

/* ISO 6429's: below a space, DEL, and the second row, which UTF-8 writes 0xc2 0x80 to 0xc2 0x9f. */
static bool is_control(const unsigned char *at)
{
	return *at < ' ' || *at == 0x7f || (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0);
}

/* Events are judged by the length alone, as they always were. */
bool slot_label_ok(const char *label)
{
	for (const unsigned char *at = (const unsigned char *)label; *at; at++)
		if (is_control(at))
			return false;
	return strlen(label) <= SLOT_LABEL_SIZE_MAX;
}

static bool pin_makes_sense(const Craton__PinVerifier *pin)
{
	struct pin_record shape;
	return pin && pin->salt.len == sizeof shape.salt && pin->mac.len == sizeof shape.mac;
}

/* A new PIN starts with no failures. */
static void set_pin(struct pin_record *record, const Craton__PinVerifier *pin)
{
	record->is_set = true;
	record->failures = 0;
	memcpy(record->salt, pin->salt.data, sizeof record->salt);
	memcpy(record->mac, pin->mac.data, sizeof record->mac);
}

static struct pin_record *pin_of(struct slot_record *slot, Craton__Role role)
{
	if (role == CRATON__ROLE__ROLE_SO)
		return &slot->so;
	return role == CRATON__ROLE__ROLE_USER ? &slot->user : NULL;
}

/* The slot if it is there and of that generation (0: whichever); else the outcome says so, and *found is false. */
static enum err find_slot(struct directory *directory, uint32_t slot, uint64_t generation,
                          struct slot_record *out, bool *found, struct request_record *record)
{
	enum err err = table_slot_read(directory, slot, out);
	*found = err == ERR_OK && (generation == 0 || generation == out->generation);
	if (err == ERR_NOT_FOUND)
		record->outcome = OUTCOME_NOT_FOUND;
	else if (!*found)
		record->outcome = OUTCOME_STALE;
	record->slot = slot;
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err store_slot(struct directory *directory, const struct slot_record *slot, struct request_record *record)
{
	record->outcome = OUTCOME_DONE;
	return table_slot_change(directory, slot, NULL);
}

static enum err add_slot(struct directory *directory, const struct slot_record *slot, char *const *allowed, size_t count,
                         struct request_record *record)
{
	struct slot_access access;
	enum err err = slot_access_copy(&access, allowed, count);
	if (err == ERR_MALFORMED)
		return ERR_OK;
	if (err == ERR_OK)
		err = table_slot_add(directory, slot, &access);
	slot_access_finish(&access);
	record->outcome = OUTCOME_DONE;
	record->slot = slot->slot;
	return err;
}

/* Ids count up and none is ever given twice: rows of slots are never deleted. */
enum err apply_slot_created(struct directory *directory, uint64_t index,
                            const Craton__SlotCreated *event, struct request_record *record)
{
	struct slot_record slot = { .generation = 1, .life = index };
	uint32_t last = 0;
	if (strlen(event->label) > SLOT_LABEL_SIZE_MAX || strlen(event->serial) > SERIAL_SIZE_MAX
	    || !pin_makes_sense(event->so_pin) || (event->user_pin && !pin_makes_sense(event->user_pin)))
		return ERR_OK;
	enum err err = table_slot_last(directory, &last);
	if (err != ERR_OK || last == UINT32_MAX)
		return err;
	slot.slot = last + 1;
	strcpy(slot.label, event->label);
	strcpy(slot.serial, event->serial);
	set_pin(&slot.so, event->so_pin);
	if (event->user_pin)
		set_pin(&slot.user, event->user_pin);
	return add_slot(directory, &slot, event->allowed, event->n_allowed, record);
}

enum err apply_slot_access_set(struct directory *directory, uint64_t index,
                               const Craton__SlotAccessSet *event, struct request_record *record)
{
	(void)index;
	struct slot_record slot;
	struct slot_access access;
	bool found = false;
	enum err err = slot_access_copy(&access, event->allowed, event->n_allowed);
	if (err != ERR_OK)
		return err == ERR_MALFORMED ? ERR_OK : err;
	err = find_slot(directory, event->slot, 0, &slot, &found, record);
	if (err == ERR_OK && found) {
		record->outcome = OUTCOME_DONE;
		err = table_slot_change(directory, &slot, &access);
	}
	slot_access_finish(&access);
	return err;
}

enum err apply_slot_removed(struct directory *directory, uint64_t index,
                            const Craton__SlotRemoved *event, struct request_record *record)
{
	(void)index;
	struct slot_record slot;
	bool found;
	enum err err = find_slot(directory, event->slot, 0, &slot, &found, record);
	if (err != ERR_OK || !found)
		return err;
	record->outcome = OUTCOME_DONE;
	err = table_objects_remove_all(directory, slot.slot);
	if (err == ERR_OK)
		err = table_carried_remove_all(directory, slot.slot);
	if (err == ERR_OK)
		err = table_slot_remove(directory, slot.slot);
	return err == ERR_OK ? news_reset(&directory->news, slot.slot) : err;
}

enum err apply_token_initialised(struct directory *directory, uint64_t index,
                                 const Craton__TokenInitialised *event, struct request_record *record)
{
	struct slot_record slot;
	bool found;
	if (strlen(event->label) > SLOT_LABEL_SIZE_MAX || !pin_makes_sense(event->so_pin))
		return ERR_OK;
	enum err err = find_slot(directory, event->slot, event->generation, &slot, &found, record);
	if (err != ERR_OK || !found)
		return err;
	strcpy(slot.label, event->label);
	set_pin(&slot.so, event->so_pin);
	memset(&slot.user, 0, sizeof slot.user);
	slot.generation++;
	slot.life = index;
	err = table_objects_remove_all(directory, slot.slot);
	if (err == ERR_OK)
		err = table_carried_remove_all(directory, slot.slot);
	if (err == ERR_OK)
		err = news_reset(&directory->news, slot.slot);
	return err == ERR_OK ? store_slot(directory, &slot, record) : err;
}

/* Whoever knows the old PIN may set a new one, unless it is locked. The SO may set the user's in any case, and so
 * unlocks it (C_InitPIN). */
enum err apply_pin_set(struct directory *directory, uint64_t index,
                       const Craton__PinSet *event, struct request_record *record)
{
	(void)index;
	struct slot_record slot;
	struct pin_record *pin = pin_of(&slot, event->role);
	bool found, by_so = event->by_so && pin == &slot.user;
	if (!pin || !pin_makes_sense(event->pin))
		return ERR_OK;
	enum err err = find_slot(directory, event->slot, event->generation, &slot, &found, record);
	if (err != ERR_OK || !found)
		return err;
	if (!by_so && (!pin->is_set || PIN_LOCKED(pin))) {
		record->outcome = pin->is_set ? OUTCOME_LOCKED : OUTCOME_NOT_FOUND;
		return ERR_OK;
	}
	set_pin(pin, event->pin);
	slot.generation++;
	return store_slot(directory, &slot, record);
}

/* A login's end: `failures` grows or is cleared. A guess about a PIN that has changed since is nobody's. A
 * locked PIN stays locked, whichever answers were still under way. */
static enum err count_login(struct directory *directory, uint32_t slot_id, Craton__Role role, uint64_t generation,
                            bool failed, struct request_record *record)
{
	struct slot_record slot;
	struct pin_record *pin = pin_of(&slot, role);
	bool found;
	if (!pin)
		return ERR_OK;
	enum err err = find_slot(directory, slot_id, generation, &slot, &found, record);
	if (err != ERR_OK || !found)
		return err;
	if (!pin->is_set || PIN_LOCKED(pin)) {
		record->outcome = pin->is_set ? OUTCOME_LOCKED : OUTCOME_NOT_FOUND;
		return ERR_OK;
	}
	pin->failures = failed ? pin->failures + 1 : 0;
	return store_slot(directory, &slot, record);
}

enum err apply_login_failed(struct directory *directory, uint64_t index,
                            const Craton__LoginFailed *event, struct request_record *record)
{
	(void)index;
	return count_login(directory, event->slot, event->role, event->generation, true, record);
}

enum err apply_login_succeeded(struct directory *directory, uint64_t index,
                               const Craton__LoginSucceeded *event, struct request_record *record)
{
	(void)index;
	return count_login(directory, event->slot, event->role, event->generation, false, record);
}
