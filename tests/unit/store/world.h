/* A directory in a folder of its own, and the entries that a log would bring. */
#pragma once
#include "store/directory.h"

struct world {
	char folder[64];
	struct secret *key;
	struct directory *directory;
	uint64_t index;       /* of the last entry */
	int64_t time_ms;      /* the leader's */
};

void world_begin(struct world *world);             /* empty, without a slot */
void world_begin_elsewhere(struct world *world);   /* the same, of another cluster */
void world_begin_with_slot(struct world *world);   /* slot 1, both PINs set */
void world_end(struct world *world);               /* and removes the folder */
void world_close(struct world *world);
enum err world_open(struct world *world, bool fresh, struct complaint *complaint);
void world_reopen(struct world *world);            /* must work */
char *world_path(const struct world *world, const char *name, char path[128]);
void folder_remove(const char *folder);

struct id id_of(unsigned number);                  /* never zero */
/* An entry, applied but not yet flushed; `request` NULL: one of its own. */
void world_apply(struct world *world, const Craton__Event *event, const struct id *request);
void world_flush(struct world *world);
/* Applied and flushed: the outcome. */
enum outcome world_do(struct world *world, const Craton__Event *event, struct request_record *record);
enum outcome world_ask(struct world *world, const Craton__Event *event, const struct id *request,
                       struct request_record *record);

/* Objects: free with craton__object__free_unpacked. */
Craton__Object *object_make(uint32_t slot, unsigned number, const char *label, CK_OBJECT_CLASS class, bool is_private);
void object_set(Craton__Object *object, CK_ATTRIBUTE_TYPE type, const void *value, size_t size);
enum outcome world_create(struct world *world, Craton__Object *object);       /* takes it */
enum outcome world_update(struct world *world, Craton__Object *object, uint64_t version); /* takes it */
enum outcome world_destroy(struct world *world, uint32_t slot, unsigned number);
uint32_t world_slot(struct world *world, const char *label);
struct slot_record world_slot_record(struct world *world, uint32_t slot); /* of one that is there */
uint32_t world_slot_for(struct world *world, const char *label, const char *const *allowed, size_t count);
enum outcome world_access(struct world *world, uint32_t slot, const char *const *allowed, size_t count);
enum outcome world_remove(struct world *world, uint32_t slot);
enum outcome world_init_token(struct world *world, uint32_t slot);
enum outcome world_pin(struct world *world, uint32_t slot, Craton__Role role, bool by_so, uint64_t generation);
enum outcome world_login(struct world *world, uint32_t slot, Craton__Role role, uint64_t generation, bool good);
enum outcome world_setting(struct world *world, const char *name, const char *value);

struct hash_text { char text[65]; };
struct hash_text world_digest(struct world *world);
uint64_t world_count(struct world *world);         /* of objects, as the digest row has it */
/* How many objects match; label NULL: any. */
size_t world_find(struct world *world, uint32_t slot, const char *label, bool with_private);
