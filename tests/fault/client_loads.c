/* What each kind of thread does in a round. */
#include "tests/fault/client.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECENT 300u

static struct board_entry *any_of_last(struct worker *worker, uint32_t last)
{
	uint32_t count = board_count(), below = last && last < count ? last : count;
	return below ? board_entry(count - 1 - draw(worker, below)) : NULL;
}

static struct board_entry *any_standing(struct worker *worker)
{
	uint32_t count = 0;
	while (count < board_count() && board_is_standing(board_entry(count)))
		count++;
	return count ? board_entry(draw(worker, count)) : NULL;
}

static void use(struct worker *worker, const struct board_entry *entry)
{
	CK_OBJECT_HANDLE handle = entry && entry->kind != KIND_NONE ? object_handle(worker, entry, SIDE_ONE) : CK_INVALID_HANDLE;
	if (handle != CK_INVALID_HANDLE)
		object_use(worker, entry, handle);
}

/* Mostly keys that are always there; sometimes one that may be about to be made, or destroyed, and one that has just been. */
static void round_sign(struct worker *worker)
{
	switch (draw(worker, 8)) {
	case 0: use(worker, board_destroyed(draw(worker, BOARD_DESTROYED_MAX))); break;
	case 1: case 2: use(worker, any_of_last(worker, RECENT)); break;
	default: use(worker, any_standing(worker)); break;
	}
}

static void round_create(struct worker *worker)
{
	static const enum kind kinds[] = { KIND_P256, KIND_AES, KIND_DATA, KIND_P256, KIND_AES_MADE, KIND_P384 };
	CK_OBJECT_HANDLE handles[2];
	char label[BOARD_LABEL_SIZE];
	unsigned number = worker->number++;
	snprintf(label, sizeof label, "%.24s-%.20s-%u", worker->process, worker->tally.name, number);
	struct board_entry *entry = board_add(kinds[number % 6], label);
	if (entry && object_make(worker, entry, true, handles) == CKR_OK)
		object_use(worker, entry, handles[SIDE_ONE]);
}

/* What is destroyed is then used, by the one who was told so. */
static void round_destroy(struct worker *worker)
{
	struct board_entry *entry = any_of_last(worker, RECENT);
	if (!entry || entry->kind == KIND_NONE || board_is_standing(entry) || (entry->is_destroyed && draw(worker, 8)))
		return;
	enum side side = entry_is_pair(entry) && draw(worker, 3) == 0 ? SIDE_PUBLIC : SIDE_ONE;
	CK_OBJECT_HANDLE handle = object_handle(worker, entry, side);
	if (handle == CK_INVALID_HANDLE || object_destroy(worker, entry, side, handle) != CKR_OK)
		return;
	if (side == SIDE_ONE)
		object_use(worker, entry, handle);
	object_find(worker, entry, side);
}

static void round_set(struct worker *worker)
{
	struct board_entry *entry = draw(worker, 2) ? any_of_last(worker, RECENT) : any_of_last(worker, 10);
	CK_OBJECT_HANDLE handle = entry && entry->kind != KIND_NONE && !board_is_standing(entry) ? object_handle(worker, entry, SIDE_ONE)
		: CK_INVALID_HANDLE;
	if (handle == CK_INVALID_HANDLE)
		return;
	object_write(worker, entry, SIDE_ONE, handle);
	object_read(worker, entry, SIDE_ONE, handle);
}

/* Old and new ones, also those that someone was told are destroyed. */
static void round_find(struct worker *worker)
{
	struct board_entry *entry = any_of_last(worker, draw(worker, 2) ? RECENT : 0);
	if (draw(worker, 50) == 0)
		objects_search(worker);
	if (!entry || entry->kind == KIND_NONE)
		return;
	enum side side = entry_is_pair(entry) && draw(worker, 2) ? SIDE_PUBLIC : SIDE_ONE;
	CK_OBJECT_HANDLE handle = object_find(worker, entry, side);
	if (handle != CK_INVALID_HANDLE)
		object_read(worker, entry, side, handle);
}

static CK_RV session_open(struct worker *worker, CK_SESSION_HANDLE *session)
{
	struct record record;
	record_begin(&record, &worker->tally, "C_OpenSession", "");
	CK_RV rv = module.p11->C_OpenSession(module.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, session);
	record_end(&record, rv, NULL, NULL);
	return rv;
}

static void session_close(struct worker *worker, CK_SESSION_HANDLE session)
{
	struct record record;
	record_begin(&record, &worker->tally, "C_CloseSession", "");
	record_end(&record, module.p11->C_CloseSession(session), NULL, NULL);
}

static void session_object(struct worker *worker, enum kind kind)
{
	struct board_entry entry = { .kind = kind };
	CK_OBJECT_HANDLE handles[2];
	snprintf(entry.label, sizeof entry.label, "%.24s-%.20s-%u", worker->process, worker->tally.name, worker->number++);
	if (object_make(worker, &entry, false, handles) != CKR_OK)
		return;
	for (unsigned i = 0; i < 10 && !is_stopping; i++) {
		object_use(worker, &entry, handles[SIDE_ONE]);
		pause_us(worker->pace_us);
	}
	object_destroy(worker, &entry, SIDE_ONE, handles[SIDE_ONE]);
	object_use(worker, &entry, handles[SIDE_ONE]);
}

/* A session of its own, objects of its own. */
static void round_session(struct worker *worker)
{
	static const enum kind kinds[] = { KIND_P256, KIND_AES_MADE, KIND_AES, KIND_DATA };
	CK_SESSION_HANDLE usual = worker->session;
	if (session_open(worker, &worker->session) == CKR_OK) {
		session_object(worker, kinds[draw(worker, 4)]);
		session_close(worker, worker->session);
	}
	worker->session = usual;
}

static void round_parts(struct worker *worker)
{
	static void (*const all[])(struct worker *) = { parts_sign, parts_digest, parts_encrypt, parts_mac, parts_mac, parts_mac_beyond };
	all[draw(worker, 6)](worker);
}

/* Logs the whole process out and in again. */
static void round_login(struct worker *worker)
{
	const char *pin = getenv("CRATON_PIN");
	struct record record;
	record_begin(&record, &worker->tally, "C_Logout", "");
	record_end(&record, module.p11->C_Logout(worker->session), NULL, NULL);
	record_begin(&record, &worker->tally, "C_Login", "");
	record_end(&record, module.p11->C_Login(worker->session, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin)), NULL, NULL);
	use(worker, any_standing(worker));
}

static const struct load loads[] = {
	{ "sign", 1, round_sign }, { "create", 5, round_create }, { "destroy", 10, round_destroy }, { "set", 5, round_set },
	{ "find", 3, round_find }, { "session", 5, round_session }, { "parts", 5, round_parts }, { "login", 100, round_login },
};

const struct load *load_named(const char *name, size_t size)
{
	for (size_t i = 0; i < sizeof loads / sizeof *loads; i++)
		if (strlen(loads[i].name) == size && strncmp(loads[i].name, name, size) == 0)
			return &loads[i];
	return NULL;
}

CK_RV load_prepare(struct worker *worker)
{
	static const enum kind kinds[] = { KIND_RSA, KIND_P256, KIND_P384, KIND_AES, KIND_AES_MADE, KIND_P256 };
	CK_RV rv = CKR_OK;
	for (unsigned i = 0; rv == CKR_OK && i < sizeof kinds / sizeof *kinds; i++) {
		char label[BOARD_LABEL_SIZE];
		CK_OBJECT_HANDLE handles[2];
		snprintf(label, sizeof label, "standing-%u", i);
		struct board_entry *entry = board_add(kinds[i], label);
		rv = entry ? object_make(worker, entry, true, handles) : CKR_HOST_MEMORY;
	}
	return rv;
}

void load_final(struct worker *worker)
{
	for (uint32_t i = 0; i < board_count() && !is_stopping; i++) {
		const struct board_entry *entry = board_entry(i);
		if (entry->kind == KIND_NONE)
			continue;
		CK_OBJECT_HANDLE handle = object_find(worker, entry, SIDE_ONE);
		if (handle != CK_INVALID_HANDLE)
			object_read(worker, entry, SIDE_ONE, handle);
		if (handle != CK_INVALID_HANDLE && entry->kind != KIND_DATA)
			object_use(worker, entry, handle);
		if (entry_is_pair(entry))
			object_find(worker, entry, SIDE_PUBLIC);
	}
}
