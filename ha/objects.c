#include "ha/objects.h"
#include "ha/table.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct objects {
	pthread_mutex_t lock;
	struct table by_handle; /* holds one reference each */
	struct table by_id;     /* token objects, which a member may tell us of again */
	struct table carried;   /* session objects, by handle */
};

/* Counts on across C_Finalize, so that no handle ever means another object in this process. */
static atomic_ulong handle_last;

struct object *object_hold(struct object *object)
{
	atomic_fetch_add(&object->references, 1);
	return object;
}

void object_release(struct object *object)
{
	if (!object || atomic_fetch_sub(&object->references, 1) > 1)
		return;
	attribute_list_finish(&object->attributes);
	if (object->carried)
		craton__object__free_unpacked(object->carried, NULL);
	free(object);
}

bool object_is_private(const struct object *object)
{
	return attribute_list_bool(&object->attributes, CKA_PRIVATE, false);
}

struct objects *objects_create(void)
{
	struct objects *objects = calloc(1, sizeof *objects);
	if (objects)
		pthread_mutex_init(&objects->lock, NULL);
	return objects;
}

void objects_destroy(struct objects *objects)
{
	if (!objects)
		return;
	objects_forget_all(objects);
	pthread_mutex_destroy(&objects->lock);
	free(objects);
}

/* Ids are hashes or random: half of one is enough to find it, all of it to be sure. */
static uint64_t id_key(const struct id *id)
{
	uint64_t key;
	memcpy(&key, id->bytes, sizeof key);
	return key ? key : 1;
}

static struct object *known_locked(const struct objects *objects, const struct id *id)
{
	struct object *object = table_get(&objects->by_id, id_key(id));
	return object && id_equal(&object->id, id) ? object : NULL;
}

static struct object *object_create(const ProtobufCBinaryData *id, Craton__Attribute *const *items, size_t count, uint64_t index)
{
	struct object *object = calloc(1, sizeof *object);
	if (!object)
		return NULL;
	object->references = 1;
	object->index = index;
	if (!id_from_bytes(&object->id, id->data, id->len) ||
	    attribute_list_copy(&object->attributes, items, count) != ERR_OK) {
		object_release(object);
		return NULL;
	}
	return object;
}

/* Which table besides by_handle an object stands in, and under what. */
static struct table *other_table(struct objects *objects, const struct object *object, uint64_t *key)
{
	*key = object->carried ? object->handle : id_key(&object->id);
	return object->carried ? &objects->carried : &objects->by_id;
}

/* Takes over the caller's reference, if true. */
static bool put_locked(struct objects *objects, struct object *object)
{
	uint64_t key;
	struct table *other = other_table(objects, object, &key);
	struct object *before = table_get(&objects->by_handle, object->handle);
	if (!table_put(&objects->by_handle, object->handle, object))
		return false;
	if (!table_put(other, key, object)) { /* only without memory, and only where it did not stand before */
		table_take(&objects->by_handle, object->handle);
		return false;
	}
	object_release(before);
	return true;
}

static void forget_locked(struct objects *objects, struct object *object)
{
	uint64_t key;
	struct table *other = other_table(objects, object, &key);
	table_take(&objects->by_handle, object->handle);
	if (table_get(other, key) == object)
		table_take(other, key);
	object_release(object);
}

/* Takes over the caller's reference. */
static CK_OBJECT_HANDLE put_new_locked(struct objects *objects, struct object *object)
{
	object->handle = atomic_fetch_add(&handle_last, 1) + 1;
	if (put_locked(objects, object))
		return object->handle;
	object_release(object);
	return CK_INVALID_HANDLE;
}

/* The new form of what is already known under a handle; what was told by a member that is not as far is
 * no news, and that it was found destroyed stays known. Takes over the caller's reference. */
static CK_OBJECT_HANDLE renew_locked(struct objects *objects, struct object *known, struct object *object)
{
	CK_OBJECT_HANDLE handle = object->handle = known->handle;
	atomic_store(&object->gone_by, atomic_load(&known->gone_by));
	if (object->index < known->index || !put_locked(objects, object))
		object_release(object);
	return handle;
}

CK_OBJECT_HANDLE objects_learn(struct objects *objects, const Craton__ObjectBrief *brief, uint64_t index)
{
	struct object *object = object_create(&brief->id, brief->attributes, brief->n_attributes, index);
	if (!object)
		return CK_INVALID_HANDLE;
	pthread_mutex_lock(&objects->lock);
	struct object *known = known_locked(objects, &object->id);
	CK_OBJECT_HANDLE handle = known ? renew_locked(objects, known, object) : put_new_locked(objects, object);
	pthread_mutex_unlock(&objects->lock);
	return handle;
}

static struct object *carried_create(CK_SESSION_HANDLE session, Craton__Object *carried, uint64_t index)
{
	struct object *object = object_create(&carried->id, carried->attributes, carried->n_attributes, index);
	if (!object) {
		craton__object__free_unpacked(carried, NULL);
		return NULL;
	}
	object->session = session;
	object->carried = carried;
	return object;
}

CK_OBJECT_HANDLE objects_carry(struct objects *objects, CK_SESSION_HANDLE session, Craton__Object *carried, uint64_t index)
{
	struct object *object = carried_create(session, carried, index);
	if (!object)
		return CK_INVALID_HANDLE;
	pthread_mutex_lock(&objects->lock);
	CK_OBJECT_HANDLE handle = put_new_locked(objects, object);
	pthread_mutex_unlock(&objects->lock);
	return handle;
}

enum err objects_carry_changed(struct objects *objects, const struct object *before, Craton__Object *carried, uint64_t index)
{
	struct object *object = carried_create(before->session, carried, index > before->index ? index : before->index);
	if (!object)
		return ERR_NO_MEMORY;
	object->handle = before->handle;
	pthread_mutex_lock(&objects->lock);
	bool is_it = table_get(&objects->carried, before->handle) == before;
	bool is_put = is_it && put_locked(objects, object);
	pthread_mutex_unlock(&objects->lock);
	if (!is_put)
		object_release(object);
	return is_put ? ERR_OK : is_it ? ERR_NO_MEMORY : ERR_BUSY;
}

struct object *objects_look_up(struct objects *objects, CK_OBJECT_HANDLE handle)
{
	pthread_mutex_lock(&objects->lock);
	struct object *object = table_get(&objects->by_handle, handle);
	if (object)
		object_hold(object);
	pthread_mutex_unlock(&objects->lock);
	return object;
}

void objects_forget(struct objects *objects, CK_OBJECT_HANDLE handle)
{
	pthread_mutex_lock(&objects->lock);
	struct object *object = table_get(&objects->by_handle, handle);
	if (object)
		forget_locked(objects, object);
	pthread_mutex_unlock(&objects->lock);
}

typedef bool object_test(const struct object *object, const void *context);
static void forget_where(struct objects *objects, const struct table *table, object_test *test, const void *context)
{
	struct object *object;
	size_t place = 0;
	pthread_mutex_lock(&objects->lock);
	while ((object = table_next(table, &place))) {
		if (!test(object, context))
			continue;
		forget_locked(objects, object);
		place--; /* another may have moved up */
	}
	pthread_mutex_unlock(&objects->lock);
}

static bool is_of_session(const struct object *object, const void *session)
{
	return object->session == *(const CK_SESSION_HANDLE *)session;
}

static bool is_private(const struct object *object, const void *context)
{
	(void)context;
	return object_is_private(object);
}

void objects_forget_session(struct objects *objects, CK_SESSION_HANDLE session)
{
	forget_where(objects, &objects->carried, is_of_session, &session);
}

void objects_forget_private_carried(struct objects *objects)
{
	forget_where(objects, &objects->carried, is_private, NULL);
}

void objects_forget_all(struct objects *objects)
{
	pthread_mutex_lock(&objects->lock);
	struct table all = objects->by_handle;
	table_finish(&objects->by_id);
	table_finish(&objects->carried);
	objects->by_handle = (struct table){ 0 };
	pthread_mutex_unlock(&objects->lock);
	struct object *object;
	for (size_t place = 0; (object = table_next(&all, &place));)
		object_release(object);
	table_finish(&all);
}

static bool has_all(const struct object *object, const struct attribute_list *wanted)
{
	for (size_t i = 0; i < wanted->count; i++) {
		const Craton__Attribute *want = wanted->items[i];
		const Craton__Attribute *have = attribute_list_get(&object->attributes, want->type);
		if (!have || have->value.len != want->value.len ||
		    (want->value.len && memcmp(have->value.data, want->value.data, want->value.len) != 0))
			return false;
	}
	return true;
}

enum err objects_find_carried(struct objects *objects, const struct attribute_list *wanted, bool with_private,
                              CK_OBJECT_HANDLE **handles, size_t *count)
{
	const struct object *object;
	size_t place = 0;
	*count = 0;
	pthread_mutex_lock(&objects->lock);
	*handles = malloc((objects->carried.count + 1) * sizeof **handles);
	while (*handles && (object = table_next(&objects->carried, &place)))
		if ((with_private || !object_is_private(object)) && has_all(object, wanted))
			(*handles)[(*count)++] = object->handle;
	pthread_mutex_unlock(&objects->lock);
	return *handles ? ERR_OK : ERR_NO_MEMORY;
}
