/* From a committed entry to rows. Every node runs this on the same entries and must end with the same rows: no
 * clock, no randomness, no token; what an entry asks is done whole or not at all, and an entry that makes no
 * sense is recorded as such and changes nothing. An error here is the disk's or memory's, or says that this software is too old, and stops
 * the node. */
#include "base/log.h"
#include "store/parts.h"
#include <stdlib.h>
#include <string.h>

/* As long as one has another value, or none, the change stands. */
static enum err is_ruled_out(struct directory *directory, const Craton__SettingChanged *event, bool *is)
{
	struct bytes value = { event->value.data, event->value.len };
	enum err err = ERR_OK;
	*is = event->n_unless > 0;
	for (size_t i = 0; err == ERR_OK && *is && i < event->n_unless; i++)
		err = table_setting_is(directory, event->unless[i], &value, is);
	return err;
}

static enum err apply_setting(struct directory *directory, const Craton__SettingChanged *event,
                              struct request_record *record)
{
	size_t size = strlen(event->name);
	bool is_out;
	if (size == 0 || size > SETTING_NAME_MAX || event->value.len > SETTING_SIZE_MAX)
		return ERR_OK;
	enum err err = is_ruled_out(directory, event, &is_out);
	record->outcome = is_out ? OUTCOME_CONFLICT : OUTCOME_DONE;
	if (err != ERR_OK || is_out)
		return err;
	directory->news.has_setting = true;
	return table_setting_write(directory, event->name, &(struct bytes){ event->value.data, event->value.len });
}

static enum err apply_change(struct directory *directory, uint64_t index, const Craton__Event *event,
                             struct request_record *record)
{
	switch (event->change_case) {
	case CRATON__EVENT__CHANGE_OBJECT_CREATED:
		return apply_object_created(directory, index, event->object_created, record);
	case CRATON__EVENT__CHANGE_OBJECT_UPDATED:
		return apply_object_updated(directory, index, event->object_updated, record);
	case CRATON__EVENT__CHANGE_OBJECT_DESTROYED:
		return apply_object_destroyed(directory, index, event->object_destroyed, record);
	case CRATON__EVENT__CHANGE_SLOT_CREATED:
		return apply_slot_created(directory, index, event->slot_created, record);
	case CRATON__EVENT__CHANGE_SLOT_ACCESS_SET:
		return apply_slot_access_set(directory, index, event->slot_access_set, record);
	case CRATON__EVENT__CHANGE_SLOT_REMOVED:
		return apply_slot_removed(directory, index, event->slot_removed, record);
	case CRATON__EVENT__CHANGE_TOKEN_INITIALISED:
		return apply_token_initialised(directory, index, event->token_initialised, record);
	case CRATON__EVENT__CHANGE_PIN_SET:
		return apply_pin_set(directory, index, event->pin_set, record);
	case CRATON__EVENT__CHANGE_LOGIN_FAILED:
		return apply_login_failed(directory, index, event->login_failed, record);
	case CRATON__EVENT__CHANGE_LOGIN_SUCCEEDED:
		return apply_login_succeeded(directory, index, event->login_succeeded, record);
	case CRATON__EVENT__CHANGE_SETTING_CHANGED:
		return apply_setting(directory, event->setting_changed, record);
	default: /* nothing at all, or nothing that matters (EVENT_LEVEL) */
		return ERR_OK;
	}
}

static void *allocate(void *failed, size_t size)
{
	void *memory = malloc(size);
	if (!memory)
		*(bool *)failed = true;
	return memory;
}

static void release(void *failed, void *memory)
{
	(void)failed;
	free(memory);
}

/* NULL: it does not parse. That must be told from this node's want of memory, or it would do other than the others. */
static enum err unpack_event(const struct committed *entry, Craton__Event **out)
{
	bool failed = false;
	ProtobufCAllocator allocator = { allocate, release, &failed };
	*out = craton__event__unpack(&allocator, entry->size, entry->data);
	return failed ? ERR_NO_MEMORY : ERR_OK;
}

static enum err refuse_to_guess(const struct committed *entry, const Craton__Event *event)
{
	log_error("store", "newer nodes have agreed on what this software does not know: upgrade this node index=%llu level=%u known=%u",
	          (unsigned long long)entry->index, event->level, EVENT_LEVEL);
	return ERR_REFUSED;
}

/* Whoever asked for it may have had it from another node long ago, and undone it since: once more it would be undone by nobody. */
static enum err apply_in_time(struct directory *directory, const struct committed *entry, const Craton__Event *event,
                              struct request_record *record)
{
	bool is_too_late = false;
	enum err err = event->since ? table_request_forgotten(directory, event->since, &is_too_late) : ERR_OK;
	if (is_too_late)
		record->outcome = OUTCOME_STALE;
	return err == ERR_OK && !is_too_late ? apply_change(directory, entry->index, event, record) : err;
}

static enum err apply_event(struct directory *directory, const struct committed *entry,
                            struct request_record *record)
{
	Craton__Event *event;
	enum err err = unpack_event(entry, &event);
	if (event && event->level > EVENT_LEVEL)
		err = refuse_to_guess(entry, event);
	else if (event)
		err = apply_in_time(directory, entry, event, record);
	if (err == ERR_OK && record->outcome == OUTCOME_MALFORMED)
		log_warn("store", "event makes no sense and changed nothing index=%llu kind=%d",
		         (unsigned long long)entry->index, event ? (int)event->change_case : -1);
	if (event)
		craton__event__free_unpacked(event, NULL);
	return err;
}

/* A request that was here before has had its effect, and its first outcome stands. */
static enum err apply_once(struct directory *directory, const struct committed *entry)
{
	bool named = !id_is_zero(&entry->request);
	enum err err = named ? table_request_known(directory, &entry->request) : ERR_NOT_FOUND;
	if (err != ERR_NOT_FOUND)
		return err;
	struct request_row row = { .id = entry->request, .time_ms = directory->state.time_ms,
	                           .record = { .outcome = OUTCOME_MALFORMED, .index = entry->index } };
	buf_init(&directory->carried, CARRIED_SIZE_MAX);
	err = apply_event(directory, entry, &row.record);
	row.carried = (struct bytes){ directory->carried.data, directory->carried.size };
	if (err == ERR_OK && named)
		err = table_request_add(directory, &row);
	buf_finish(&directory->carried);
	return err;
}

static enum err begin(struct directory *directory)
{
	enum err err = directory->in_batch ? ERR_OK : database_do(&directory->writer, BEGIN_WRITE);
	directory->in_batch = err == ERR_OK;
	return err;
}

enum err directory_apply(void *machine, const struct committed *entry)
{
	struct directory *directory = machine;
	if (entry->index <= directory->state.applied) /* told again after a restart */
		return ERR_OK;
	enum err err = begin(directory);
	if (entry->time_ms > directory->state.time_ms)
		directory->state.time_ms = entry->time_ms;
	if (err == ERR_OK)
		err = apply_once(directory, entry);
	if (err == ERR_OK)
		err = table_requests_prune(directory);
	if (err == ERR_OK)
		err = table_carried_prune(directory);
	directory->state.applied = entry->index;
	return err;
}

/* One transaction holds the batch and how far it goes: after a crash the one is there as far as the other says. */
enum err directory_flush(void *machine, uint64_t index)
{
	struct directory *directory = machine;
	if (index > directory->state.applied)
		directory->state.applied = index;
	else if (!directory->in_batch)
		return ERR_OK;
	enum err err = begin(directory);
	if (err == ERR_OK)
		err = table_state_write(directory);
	if (err == ERR_OK)
		err = database_do(&directory->writer, COMMIT);
	if (err != ERR_OK)
		return err;
	directory->in_batch = false;
	atomic_store(&directory->applied, directory->state.applied);
	news_tell(&directory->news, &directory->watch);
	return ERR_OK;
}
