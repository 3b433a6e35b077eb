/* The virtual objects an application knows: handles on one side, object ids on the other.
 *
 * A handle means the same object for the life of the process and is never given to another, whatever happens to
 * members, sessions and logins. Finding an object again gives the handle it had. What is looked up is a counted
 * view that stays as it was, while the object itself may change or go.
 *
 * Session objects live only here: the library keeps them sealed (`carried`) and shows them to a member
 * that has not seen them. Safe from many threads; every call is a few lines under one lock. */
#pragma once
#include "base/err.h"
#include "base/id.h"
#include "wire/attributes.h"
#include "wire/craton.pb-c.h"
#include "wire/cryptoki.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct object {
	atomic_uint references;
	CK_OBJECT_HANDLE handle;
	struct id id;
	uint64_t index;                   /* of the log, where it was so: members behind it may not know */
	atomic_uint_fast64_t gone_by;     /* by this index it had been destroyed, as a member said; 0: none has */
	struct attribute_list attributes; /* the brief's; a session object's own */
	CK_SESSION_HANDLE session;        /* whose end is its own; 0 for a token object */
	Craton__Object *carried;          /* NULL for a token object */
	atomic_uint_fast32_t shown;       /* a bit for each member that has seen `carried` */
};
void object_release(struct object *object); /* accepts NULL */
struct object *object_hold(struct object *object);
bool object_is_private(const struct object *object);

struct objects;
struct objects *objects_create(void); /* NULL without memory */
void objects_destroy(struct objects *objects);

/* A token object that a member told us about; known or not, its brief is now this one. CK_INVALID_HANDLE
 * without memory, or for an id that is none. */
CK_OBJECT_HANDLE objects_learn(struct objects *objects, const Craton__ObjectBrief *brief, uint64_t index);
/* A new session object; `carried` is taken over in any case. CK_INVALID_HANDLE as above. */
CK_OBJECT_HANDLE objects_carry(struct objects *objects, CK_SESSION_HANDLE session, Craton__Object *carried, uint64_t index);
/* Its new form after a change of `before`, which no member has seen yet; taken over. ERR_BUSY: it is not that any more but has been
 * changed otherwise, or is gone, and nothing happens. ERR_NO_MEMORY. */
enum err objects_carry_changed(struct objects *objects, const struct object *before, Craton__Object *carried, uint64_t index);
/* NULL if there is none. Give it back with object_release. */
struct object *objects_look_up(struct objects *objects, CK_OBJECT_HANDLE handle);
/* Destroyed: the handle is dead from now on. */
void objects_forget(struct objects *objects, CK_OBJECT_HANDLE handle);

/* The end of a session; of a login (its private session objects); of a token's life (everything). */
void objects_forget_session(struct objects *objects, CK_SESSION_HANDLE session);
void objects_forget_private_carried(struct objects *objects);
void objects_forget_all(struct objects *objects);

/* Handles of session objects that have all of `wanted` (C_FindObjects); free(). ERR_NO_MEMORY. */
enum err objects_find_carried(struct objects *objects, const struct attribute_list *wanted, bool with_private,
                              CK_OBJECT_HANDLE **handles, size_t *count);
