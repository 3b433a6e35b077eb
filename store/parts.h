/* The directory's insides, for the files of this room. */
#pragma once
#include "store/checkpoint.h"
#include "store/database.h"
#include "store/directory.h"
#include "store/readers.h"
#include "store/rows.h"
#include <stdatomic.h>

/* What the watch will be told once the batch is visible. */
struct news {
	struct id *gone;
	size_t gone_count, gone_capacity;
	uint32_t *reset;
	size_t reset_count, reset_capacity;
	bool has_setting;
};

struct directory {
	char *path;
	struct row_key key;
	struct database writer;   /* the raft thread's */
	bool in_batch;
	struct state_row state;   /* as of the batch in progress */
	struct news news;
	struct buf carried;       /* of the request being applied: what its asker keeps, packed */
	struct directory_watch watch;
	_Atomic uint64_t applied; /* as of the last commit */
	struct readers *readers;
	struct checkpoint *checkpoint;
};

enum err news_gone(struct news *news, const struct id *id);
enum err news_reset(struct news *news, uint32_t slot);
void news_tell(struct news *news, const struct directory_watch *watch); /* and forget */
void news_finish(struct news *news);

/* tables.c: rows in and out, with their search rows and the digest kept in step. Raft thread, inside a batch. */
enum err table_object_find(struct directory *directory, uint32_t slot, const struct id *id, uint64_t *version);
/* An object with this slot and id must not be there (add) or must be (change, remove). */
enum err table_object_add(struct directory *directory, const Craton__Object *object, uint64_t version);
enum err table_object_change(struct directory *directory, const Craton__Object *object, uint64_t version);
enum err table_object_remove(struct directory *directory, uint32_t slot, const struct id *id);
enum err table_objects_remove_all(struct directory *directory, uint32_t slot);
enum err table_slot_read(struct directory *directory, uint32_t slot, struct slot_record *out); /* ERR_NOT_FOUND */
enum err table_slot_add(struct directory *directory, const struct slot_record *slot, const struct slot_access *access);
/* `access` NULL: as it was. */
enum err table_slot_change(struct directory *directory, const struct slot_record *slot, const struct slot_access *access);
/* What stays is a row that says so: its id is never given again. */
enum err table_slot_remove(struct directory *directory, uint32_t slot);
enum err table_slot_last(struct directory *directory, uint32_t *slot); /* 0: none yet */
enum err table_setting_write(struct directory *directory, const char *name, const struct bytes *value);
enum err table_setting_is(struct directory *directory, const char *name, const struct bytes *value, bool *is);
enum err table_request_known(struct directory *directory, const struct id *id); /* ERR_NOT_FOUND */
/* May one have been forgotten that was done after `since`? */
enum err table_request_forgotten(struct directory *directory, uint64_t since, bool *may);
enum err table_request_add(struct directory *directory, const struct request_row *row);
enum err table_requests_prune(struct directory *directory);
enum err table_carried_prune(struct directory *directory); /* by age */
enum err table_carried_remove_all(struct directory *directory, uint32_t slot);
enum err table_state_write(struct directory *directory);

/* Both ways between rows and what they mean. */
enum err state_read(struct database *database, struct state_row *row, struct hash *seal); /* ERR_DAMAGED: none, or misshapen */
/* `access` may be NULL; else it is the caller's. false also without memory. A slot that was removed has no life. */
bool slot_unpack(const void *body, size_t size, struct slot_record *out, struct slot_access *access);
enum err slot_pack(const struct slot_record *slot, const struct slot_access *access, struct buf *out);
#define SLOT_IS_REMOVED(record) ((record)->life == 0)
bool object_is_private(const Craton__Object *object);
struct attribute_list object_attributes(const Craton__Object *object); /* a view */

/* events.c, objects.c, slots.c: what an entry does. ERR_OK whatever the outcome. */
enum err apply_object_created(struct directory *directory, uint64_t index,
                              const Craton__ObjectCreated *event, struct request_record *record);
enum err apply_object_updated(struct directory *directory, uint64_t index,
                              const Craton__ObjectUpdated *event, struct request_record *record);
enum err apply_object_destroyed(struct directory *directory, uint64_t index,
                                const Craton__ObjectDestroyed *event, struct request_record *record);
enum err apply_slot_created(struct directory *directory, uint64_t index,
                            const Craton__SlotCreated *event, struct request_record *record);
enum err apply_slot_access_set(struct directory *directory, uint64_t index,
                               const Craton__SlotAccessSet *event, struct request_record *record);
enum err apply_slot_removed(struct directory *directory, uint64_t index,
                            const Craton__SlotRemoved *event, struct request_record *record);
enum err apply_token_initialised(struct directory *directory, uint64_t index,
                                 const Craton__TokenInitialised *event, struct request_record *record);
enum err apply_pin_set(struct directory *directory, uint64_t index,
                       const Craton__PinSet *event, struct request_record *record);
enum err apply_login_failed(struct directory *directory, uint64_t index,
                            const Craton__LoginFailed *event, struct request_record *record);
enum err apply_login_succeeded(struct directory *directory, uint64_t index,
                               const Craton__LoginSucceeded *event, struct request_record *record);

/* apply.c: directory_machine's */
enum err directory_apply(void *machine, const struct committed *entry);
enum err directory_flush(void *machine, uint64_t index);
/* snapshot.c */
enum err directory_snapshot(void *machine, const char *path, uint64_t *index);
enum err directory_restore(void *machine, const char *path, uint64_t index);

/* Forgets is done per request: by count, and by age once there are enough of them, in the leader's time. */
#define REQUESTS_MIN 4096u
#define REQUESTS_MAX 65536u
#define REQUEST_AGE_MS (60 * 60 * 1000ll)

#define SERIAL_SIZE_MAX 16
#define SETTING_NAME_MAX 64
#define SETTING_SIZE_MAX (64u << 10)
#define OBJECTS_PER_EVENT_MAX 8
