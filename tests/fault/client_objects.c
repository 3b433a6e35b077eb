/* Objects made, found, read, written and destroyed, each call with its record. */
#include "tests/fault/client.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(type, text) { (type), (void *)(uintptr_t)(text), strlen(text) }
#define FLAG(type, flag) { (type), &(flag), sizeof(flag) }

static CK_BBOOL yes = CK_TRUE;
static _Atomic CK_OBJECT_HANDLE known[BOARD_ENTRIES_MAX][2];

struct kind_facts {
	CK_OBJECT_CLASS class[2];
	CK_KEY_TYPE key_type;
};
static struct kind_facts facts[] = {
	[KIND_RSA] = { { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY }, CKK_RSA }, [KIND_P256] = { { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY }, CKK_EC },
	[KIND_P384] = { { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY }, CKK_EC }, [KIND_AES] = { { CKO_SECRET_KEY, 0 }, CKK_AES },
	[KIND_AES_MADE] = { { CKO_SECRET_KEY, 0 }, CKK_AES }, [KIND_DATA] = { { CKO_DATA, 0 }, 0 },
};

bool entry_is_pair(const struct board_entry *entry)
{
	return facts[entry->kind].class[SIDE_PUBLIC] != 0;
}

static const char *side_name(const struct board_entry *entry, enum side side)
{
	if (side == SIDE_PUBLIC)
		return "public";
	return entry_is_pair(entry) ? "private" : entry->kind == KIND_DATA ? "data" : "secret";
}

void object_name(const struct board_entry *entry, enum side side, char name[HISTORY_OBJECT_SIZE])
{
	snprintf(name, HISTORY_OBJECT_SIZE, "%s/%s", entry->label, side_name(entry, side));
}

static CK_RV make_pair(struct worker *worker, const struct board_entry *entry, CK_BBOOL is_token, CK_OBJECT_HANDLE handles[2])
{
	static CK_BYTE p256[] = { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 }, p384[] = { 0x06, 5, 0x2b, 0x81, 4, 0, 34 };
	static CK_ULONG bits = 2048;
	CK_MECHANISM mechanism = { entry->kind == KIND_RSA ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE parameters[] = { [KIND_RSA] = FLAG(CKA_MODULUS_BITS, bits), [KIND_P256] = FLAG(CKA_EC_PARAMS, p256),
		[KIND_P384] = FLAG(CKA_EC_PARAMS, p384) };
	CK_ATTRIBUTE public_key[] = { parameters[entry->kind], FLAG(CKA_TOKEN, is_token), FLAG(CKA_VERIFY, yes), TEXT(CKA_ID, "new"),
		TEXT(CKA_LABEL, entry->label) };
	CK_ATTRIBUTE private_key[] = { FLAG(CKA_TOKEN, is_token), FLAG(CKA_SIGN, yes), TEXT(CKA_ID, "new"), TEXT(CKA_LABEL, entry->label) };
	return module.p11->C_GenerateKeyPair(worker->session, &mechanism, public_key, 5, private_key, 4, &handles[SIDE_PUBLIC],
		&handles[SIDE_ONE]);
}

static CK_RV make_secret(struct worker *worker, const struct board_entry *entry, CK_BBOOL is_token, CK_OBJECT_HANDLE *handle)
{
	uint8_t value[KEY_SIZE];
	CK_ULONG size = sizeof value;
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	bool is_import = entry->kind == KIND_AES;
	CK_ATTRIBUTE template[] = { FLAG(CKA_CLASS, facts[entry->kind].class[0]), FLAG(CKA_KEY_TYPE, facts[entry->kind].key_type),
		FLAG(CKA_TOKEN, is_token), FLAG(CKA_ENCRYPT, yes), FLAG(CKA_DECRYPT, yes), FLAG(CKA_SIGN, yes), TEXT(CKA_ID, "new"),
		TEXT(CKA_LABEL, entry->label), { CKA_VALUE, value, sizeof value } };
	reference_value(entry->label, value);
	if (is_import)
		return module.p11->C_CreateObject(worker->session, template, 9, handle);
	template[8] = (CK_ATTRIBUTE)FLAG(CKA_VALUE_LEN, size);
	return module.p11->C_GenerateKey(worker->session, &mechanism, template, 9, handle);
}

static CK_RV make_data(struct worker *worker, const struct board_entry *entry, CK_BBOOL is_token, CK_OBJECT_HANDLE *handle)
{
	CK_ATTRIBUTE template[] = { FLAG(CKA_CLASS, facts[KIND_DATA].class[0]), FLAG(CKA_TOKEN, is_token), TEXT(CKA_VALUE, "new"),
		TEXT(CKA_LABEL, entry->label) };
	return module.p11->C_CreateObject(worker->session, template, 4, handle);
}

CK_RV object_make(struct worker *worker, const struct board_entry *entry, bool is_token, CK_OBJECT_HANDLE handles[2])
{
	struct record record;
	char name[HISTORY_OBJECT_SIZE], both[HISTORY_OBJECT_SIZE];
	CK_RV rv;
	object_name(entry, SIDE_ONE, name);
	snprintf(both, sizeof both, entry_is_pair(entry) ? "%.77s+%.70s/public" : "%.77s", name, entry->label);
	record_begin_change(&record, &worker->tally, entry_is_pair(entry) ? "C_GenerateKeyPair"
		: entry->kind == KIND_AES_MADE ? "C_GenerateKey" : "C_CreateObject", both, "new");
	if (entry_is_pair(entry))
		rv = make_pair(worker, entry, is_token, handles);
	else if (entry->kind == KIND_DATA)
		rv = make_data(worker, entry, is_token, handles);
	else
		rv = make_secret(worker, entry, is_token, handles);
	record_end(&record, rv, NULL, "handle=%lu", rv == CKR_OK ? handles[SIDE_ONE] : 0);
	for (enum side side = SIDE_ONE; rv == CKR_OK && is_token && side <= SIDE_PUBLIC; side++)
		known[board_number(entry)][side] = entry_is_pair(entry) || side == SIDE_ONE ? handles[side] : CK_INVALID_HANDLE;
	return rv;
}

CK_OBJECT_HANDLE object_handle(struct worker *worker, const struct board_entry *entry, enum side side)
{
	CK_OBJECT_HANDLE handle = known[board_number(entry)][side];
	return handle != CK_INVALID_HANDLE ? handle : object_find(worker, entry, side);
}

#define PAGE 3u

/* A page at a time; between pages a long search waits, so that its member may be lost. */
static CK_RV find(struct worker *worker, struct record *record, CK_ATTRIBUTE *wanted, CK_ULONG size, CK_OBJECT_HANDLE *found,
                  CK_ULONG found_max, CK_ULONG *count)
{
	*count = 0;
	CK_RV rv = module.p11->C_FindObjectsInit(worker->session, wanted, size);
	if (rv != CKR_OK)
		return rv;
	for (CK_ULONG more = 1; rv == CKR_OK && more && *count < found_max; *count += more) {
		uint64_t since_us = history_now_us();
		more = 0;
		rv = module.p11->C_FindObjects(worker->session, found + *count, found_max - *count < PAGE ? found_max - *count : PAGE, &more);
		if (found_max > PAGE) {
			record_step(record, since_us);
			pause_us(worker->pace_us);
		}
	}
	CK_RV final = module.p11->C_FindObjectsFinal(worker->session);
	return rv == CKR_OK ? final : rv;
}

CK_OBJECT_HANDLE object_find(struct worker *worker, const struct board_entry *entry, enum side side)
{
	CK_ATTRIBUTE wanted[] = { FLAG(CKA_CLASS, facts[entry->kind].class[side]), TEXT(CKA_LABEL, entry->label) };
	CK_OBJECT_HANDLE found[PAGE], before = known[board_number(entry)][side];
	CK_ULONG count;
	struct record record;
	char name[HISTORY_OBJECT_SIZE];
	object_name(entry, side, name);
	record_begin(&record, &worker->tally, "C_FindObjects", name);
	CK_RV rv = find(worker, &record, wanted, 2, found, PAGE, &count);
	bool is_one = rv == CKR_OK && count == 1;
	const char *wrong = is_one && before != CK_INVALID_HANDLE && before != found[0] ? "another-handle" : NULL;
	record_end(&record, rv, wrong, "count=%lu handle=%lu before=%lu", count, is_one ? found[0] : 0, before);
	if (is_one && before == CK_INVALID_HANDLE)
		known[board_number(entry)][side] = found[0];
	return is_one ? found[0] : CK_INVALID_HANDLE;
}

CK_RV object_destroy(struct worker *worker, struct board_entry *entry, enum side side, CK_OBJECT_HANDLE handle)
{
	struct record record;
	char name[HISTORY_OBJECT_SIZE];
	object_name(entry, side, name);
	record_begin_change(&record, &worker->tally, "C_DestroyObject", name, "");
	CK_RV rv = module.p11->C_DestroyObject(worker->session, handle);
	record_end(&record, rv, NULL, NULL);
	if (rv == CKR_OK && side == SIDE_ONE && board_holds(entry))
		board_note_destroyed(entry);
	return rv;
}

static CK_ATTRIBUTE_TYPE register_of(const struct board_entry *entry)
{
	return entry->kind == KIND_DATA ? CKA_VALUE : CKA_ID;
}

void object_read(struct worker *worker, const struct board_entry *entry, enum side side, CK_OBJECT_HANDLE handle)
{
	char value[64], name[HISTORY_OBJECT_SIZE];
	CK_ATTRIBUTE attribute = { register_of(entry), value, sizeof value - 1 };
	struct record record;
	object_name(entry, side, name);
	record_begin(&record, &worker->tally, "C_GetAttributeValue", name);
	CK_RV rv = module.p11->C_GetAttributeValue(worker->session, handle, &attribute, 1);
	value[rv == CKR_OK && attribute.ulValueLen < sizeof value ? attribute.ulValueLen : 0] = 0;
	snprintf(record.value, sizeof record.value, "%s", value);
	record_end(&record, rv, rv == CKR_OK && !*value ? "no-value" : NULL, NULL);
}

void object_write(struct worker *worker, const struct board_entry *entry, enum side side, CK_OBJECT_HANDLE handle)
{
	char value[64], name[HISTORY_OBJECT_SIZE];
	struct record record;
	object_name(entry, side, name);
	snprintf(value, sizeof value, "%.20s-%.20s-%u", worker->process, worker->tally.name, ++worker->number);
	CK_ATTRIBUTE attribute = TEXT(register_of(entry), value);
	record_begin_change(&record, &worker->tally, "C_SetAttributeValue", name, value);
	record_end(&record, module.p11->C_SetAttributeValue(worker->session, handle, &attribute, 1), NULL, NULL);
}

void objects_search(struct worker *worker)
{
	CK_ATTRIBUTE wanted[] = { FLAG(CKA_CLASS, facts[KIND_DATA].class[0]) };
	CK_OBJECT_HANDLE found[64];
	CK_ULONG count;
	const char *wrong = NULL;
	struct record record;
	record_begin(&record, &worker->tally, "C_FindObjects", "");
	CK_RV rv = find(worker, &record, wanted, 1, found, 64, &count);
	for (CK_ULONG i = 0; i < count; i++)
		for (CK_ULONG j = 0; j < i; j++)
			if (found[i] == found[j])
				wrong = "found-twice";
	record_end(&record, rv, wrong, "count=%lu", count);
}
