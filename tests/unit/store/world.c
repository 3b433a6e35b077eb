#include "tests/unit/store/world.h"
#include "base/digest.h"
#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENT(name, kind, ...) \
	Craton__##name change_ = { PROTOBUF_C_MESSAGE_INIT(&craton__##kind##__descriptor), __VA_ARGS__ }

static uint8_t salt[16] = { 's' }, mac[32] = { 'm' };

static void begin(struct world *world, const char *secret)
{
	*world = (struct world){ .time_ms = 1700000000000 };
	/* In memory where that may be: thousands of directories are opened, and none has to outlive the machine. */
	snprintf(world->folder, sizeof world->folder, "%s/craton-store-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	bool made = mkdtemp(world->folder) != NULL;
	assert(made);
	world->key = secret_create(secret, 32);
	assert(world->key);
	struct complaint complaint;
	enum err err = world_open(world, true, &complaint);
	assert(err == ERR_OK);
}

void world_begin(struct world *world)
{
	begin(world, "the cluster's secret, 32 bytes..");
}

void world_begin_elsewhere(struct world *world)
{
	begin(world, "another cluster's, also 32 bytes");
}

void world_begin_with_slot(struct world *world)
{
	world_begin(world);
	uint32_t slot = world_slot(world, "craton");
	assert(slot == 1);
}

void world_close(struct world *world)
{
	directory_close(world->directory);
	world->directory = NULL;
}

enum err world_open(struct world *world, bool fresh, struct complaint *complaint)
{
	return directory_open(world->folder, world->key, fresh, &world->directory, complaint);
}

void world_reopen(struct world *world)
{
	struct complaint complaint = { "" };
	world_close(world);
	enum err err = world_open(world, false, &complaint);
	if (err != ERR_OK)
		fprintf(stderr, "%s\n", complaint.text);
	assert(err == ERR_OK);
}

char *world_path(const struct world *world, const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", world->folder, name);
	return path;
}

void folder_remove(const char *folder)
{
	char path[400];
	DIR *open = opendir(folder);
	for (struct dirent *entry; open && (entry = readdir(open));) {
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		unlink(path);
	}
	closedir(open);
	rmdir(folder);
}

void world_end(struct world *world)
{
	world_close(world);
	secret_destroy(world->key);
	folder_remove(world->folder);
}

struct id id_of(unsigned number)
{
	uint8_t digest[SHA256_SIZE];
	struct id id;
	struct bytes part = { &number, sizeof number };
	sha256(&part, 1, digest);
	id_from_bytes(&id, digest, ID_SIZE);
	return id;
}

void world_apply(struct world *world, const Craton__Event *event, const struct id *request)
{
	size_t size = craton__event__get_packed_size(event);
	uint8_t *data = malloc(size + 1);
	assert(data);
	craton__event__pack(event, data);
	struct committed entry = { .index = ++world->index, .time_ms = world->time_ms++,
	                           .request = request ? *request : id_random(), .data = data, .size = size };
	enum err err = directory_machine.apply(world->directory, &entry);
	assert(err == ERR_OK);
	free(data);
}

void world_flush(struct world *world)
{
	enum err err = directory_machine.flush(world->directory, world->index);
	assert(err == ERR_OK);
}

enum outcome world_ask(struct world *world, const Craton__Event *event, const struct id *request,
                       struct request_record *record)
{
	struct request_record local;
	world_apply(world, event, request);
	world_flush(world);
	enum err err = directory_request(world->directory, request, record ? record : &local);
	return err == ERR_OK ? (record ? record : &local)->outcome : (enum outcome)0;
}

enum outcome world_do(struct world *world, const Craton__Event *event, struct request_record *record)
{
	struct id request = id_random();
	return world_ask(world, event, &request, record);
}

void object_set(Craton__Object *object, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
	struct attribute_list list = { object->attributes, object->n_attributes };
	enum err err = attribute_list_set(&list, type, value, size);
	assert(err == ERR_OK);
	object->attributes = list.items;
	object->n_attributes = list.count;
}

Craton__Object *object_make(uint32_t slot, unsigned number, const char *label, CK_OBJECT_CLASS class, bool is_private)
{
	struct id id = id_of(number);
	uint8_t class_value[8] = { (uint8_t)class };
	char unique[ID_TEXT_SIZE];
	Craton__Object *object = malloc(sizeof *object);
	assert(object);
	craton__object__init(object);
	object->id.data = malloc(ID_SIZE);
	assert(object->id.data);
	object->id.len = ID_SIZE;
	memcpy(object->id.data, id.bytes, ID_SIZE);
	object->slot = slot;
	id_text(&id, unique);
	object_set(object, CKA_CLASS, class_value, 8);
	object_set(object, CKA_LABEL, label, strlen(label));
	object_set(object, CKA_PRIVATE, is_private ? "\1" : "\0", 1);
	object_set(object, CKA_ID, &number, sizeof number);
	object_set(object, CKA_UNIQUE_ID, unique, strlen(unique));
	return object;
}

enum outcome world_create(struct world *world, Craton__Object *object)
{
	EVENT(ObjectCreated, object_created, 1, &object, 0, NULL);
	Craton__Event event = CRATON__EVENT__INIT;
	event.change_case = CRATON__EVENT__CHANGE_OBJECT_CREATED;
	event.object_created = &change_;
	enum outcome outcome = world_do(world, &event, NULL);
	craton__object__free_unpacked(object, NULL);
	return outcome;
}

enum outcome world_update(struct world *world, Craton__Object *object, uint64_t version)
{
	EVENT(ObjectUpdated, object_updated, object, version);
	Craton__Event event = CRATON__EVENT__INIT;
	event.change_case = CRATON__EVENT__CHANGE_OBJECT_UPDATED;
	event.object_updated = &change_;
	enum outcome outcome = world_do(world, &event, NULL);
	craton__object__free_unpacked(object, NULL);
	return outcome;
}

enum outcome world_destroy(struct world *world, uint32_t slot, unsigned number)
{
	struct id id = id_of(number);
	EVENT(ObjectDestroyed, object_destroyed, slot, { ID_SIZE, id.bytes });
	Craton__Event event = CRATON__EVENT__INIT;
	event.change_case = CRATON__EVENT__CHANGE_OBJECT_DESTROYED;
	event.object_destroyed = &change_;
	return world_do(world, &event, NULL);
}

static Craton__PinVerifier verifier(void)
{
	Craton__PinVerifier pin = CRATON__PIN_VERIFIER__INIT;
	pin.salt = (ProtobufCBinaryData){ sizeof salt, salt };
	pin.mac = (ProtobufCBinaryData){ sizeof mac, mac };
	return pin;
}

uint32_t world_slot(struct world *world, const char *label)
{
	return world_slot_for(world, label, NULL, 0);
}

struct slot_record world_slot_record(struct world *world, uint32_t slot)
{
	struct slot_record record;
	enum err err = directory_slot(world->directory, slot, &record);
	assert(err == ERR_OK);
	return record;
}

uint32_t world_slot_for(struct world *world, const char *label, const char *const *allowed, size_t count)
{
	struct request_record record;
	Craton__PinVerifier pin = verifier();
	char text[65];
	snprintf(text, sizeof text, "%s", label);
	EVENT(SlotCreated, slot_created, text, "0123456789abcdef", &pin, &pin, count, (char **)(uintptr_t)allowed);
	Craton__Event event = CRATON__EVENT__INIT;
	event.change_case = CRATON__EVENT__CHANGE_SLOT_CREATED;
	event.slot_created = &change_;
	return world_do(world, &event, &record) == OUTCOME_DONE ? record.slot : 0;
}

enum outcome world_access(struct world *world, uint32_t slot, const char *const *allowed, size_t count)
{
	EVENT(SlotAccessSet, slot_access_set, slot, count, (char **)(uintptr_t)allowed);
	Craton__Event event = CRATON__EVENT__INIT;
	event.change_case = CRATON__EVENT__CHANGE_SLOT_ACCESS_SET;
	event.slot_access_set = &change_;
	return world_do(world, &event, NULL);
}

enum outcome world_remove(struct world *world, uint32_t slot)
{
	EVENT(SlotRemoved, slot_removed, slot);
	Craton__Event event = CRATON__EVENT__INIT;
	event.change_case = CRATON__EVENT__CHANGE_SLOT_REMOVED;
	event.slot_removed = &change_;
	return world_do(world, &event, NULL);
}

enum outcome world_init_token(struct world *world, uint32_t slot)
{
	Craton__PinVerifier pin = verifier();
	EVENT(TokenInitialised, token_initialised, slot, "anew", &pin, 0);
	Craton__Event event = CRATON__EVENT__INIT;
	event.change_case = CRATON__EVENT__CHANGE_TOKEN_INITIALISED;
	event.token_initialised = &change_;
	return world_do(world, &event, NULL);
}

enum outcome world_pin(struct world *world, uint32_t slot, Craton__Role role, bool by_so, uint64_t generation)
{
	Craton__PinVerifier pin = verifier();
	EVENT(PinSet, pin_set, slot, role, &pin, by_so, generation);
	Craton__Event event = CRATON__EVENT__INIT;
	event.change_case = CRATON__EVENT__CHANGE_PIN_SET;
	event.pin_set = &change_;
	return world_do(world, &event, NULL);
}

enum outcome world_login(struct world *world, uint32_t slot, Craton__Role role, uint64_t generation, bool good)
{
	Craton__LoginFailed failed = { PROTOBUF_C_MESSAGE_INIT(&craton__login_failed__descriptor), slot, role, generation };
	Craton__LoginSucceeded succeeded = { PROTOBUF_C_MESSAGE_INIT(&craton__login_succeeded__descriptor), slot, role, generation };
	Craton__Event event = CRATON__EVENT__INIT;
	event.change_case = good ? CRATON__EVENT__CHANGE_LOGIN_SUCCEEDED : CRATON__EVENT__CHANGE_LOGIN_FAILED;
	if (good)
		event.login_succeeded = &succeeded;
	else
		event.login_failed = &failed;
	return world_do(world, &event, NULL);
}

enum outcome world_setting(struct world *world, const char *name, const char *value)
{
	char name_text[200], value_text[200];
	snprintf(name_text, sizeof name_text, "%s", name);
	snprintf(value_text, sizeof value_text, "%s", value);
	EVENT(SettingChanged, setting_changed, name_text, { strlen(value_text), (uint8_t *)value_text }, 0, NULL);
	Craton__Event event = CRATON__EVENT__INIT;
	event.change_case = CRATON__EVENT__CHANGE_SETTING_CHANGED;
	event.setting_changed = &change_;
	return world_do(world, &event, NULL);
}

struct hash_text world_digest(struct world *world)
{
	struct hash_text out;
	uint8_t digest[DIRECTORY_DIGEST_SIZE];
	uint64_t index, count;
	enum err err = directory_digest(world->directory, digest, &index, &count);
	assert(err == ERR_OK);
	for (size_t i = 0; i < sizeof digest; i++)
		sprintf(out.text + 2 * i, "%02x", digest[i]);
	return out;
}

uint64_t world_count(struct world *world)
{
	uint8_t digest[DIRECTORY_DIGEST_SIZE];
	uint64_t index, count;
	enum err err = directory_digest(world->directory, digest, &index, &count);
	assert(err == ERR_OK);
	return count;
}

size_t world_find(struct world *world, uint32_t slot, const char *label, bool with_private)
{
	struct attribute_list wanted = { 0 };
	Craton__FindReply reply;
	if (label)
		attribute_list_set(&wanted, CKA_LABEL, label, strlen(label));
	enum err err = directory_find(world->directory, slot, &wanted, with_private, NULL, 0, &reply);
	assert(err == ERR_OK);
	size_t count = reply.n_list;
	directory_find_release(&reply);
	attribute_list_finish(&wanted);
	return count;
}
