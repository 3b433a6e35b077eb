#include "node/change.h"
#include "base/digest.h"
#include <stdlib.h>
#include <string.h>

static struct id derive(const char *what, uint32_t slot, const ProtobufCBinaryData *request_id,
                        struct bytes ordinal)
{
	uint8_t slot_bytes[4] = { (uint8_t)(slot >> 24), (uint8_t)(slot >> 16), (uint8_t)(slot >> 8), (uint8_t)slot };
	uint8_t digest[SHA256_SIZE];
	struct id id;
	sha256((struct bytes[]){ { what, strlen(what) },
	                         { slot_bytes, sizeof slot_bytes },
	                         { request_id->data, request_id->len },
	                         ordinal }, 4, digest);
	memcpy(id.bytes, digest, ID_SIZE);
	return id;
}

struct id change_key(uint32_t slot, const ProtobufCBinaryData *request_id, unsigned attempt)
{
	uint8_t ordinal[4] = { (uint8_t)(attempt >> 24), (uint8_t)(attempt >> 16), (uint8_t)(attempt >> 8), (uint8_t)attempt };
	return derive("request", slot, request_id, (struct bytes){ ordinal, attempt ? sizeof ordinal : 0 });
}

struct id change_object_id(uint32_t slot, const ProtobufCBinaryData *request_id, uint8_t ordinal)
{
	return derive("object", slot, request_id, (struct bytes){ &ordinal, 1 });
}

bool change_is_known(struct question *question, const struct id *key, struct request_record *out)
{
	return directory_request(question->node->directory, key, out) == ERR_OK;
}

CK_RV change_after_all(struct question *question, const struct id *key, CK_RV rv, struct request_record *out)
{
	if (rv == CKR_OK || !change_is_known(question, key, out))
		return rv;
	question_take_back(question);
	return CKR_OK;
}

#define ELECTIONS_AWAITED 2

/* A node that is cut off gives the request back before its asker's time is up: under the same id another may have it done. */
static enum err propose(struct question *question, const struct id *key, const void *packed, size_t size, deadline_ms deadline,
                        uint64_t *index)
{
	struct node *node = question->node;
	enum err err;
	do {
		deadline_ms until = deadline_in(ELECTIONS_AWAITED * node->config->election_ms);
		err = consensus_propose(node->consensus, key, packed, size, until < deadline ? until : deadline, index);
	} while (err == ERR_TIMEOUT && !deadline_passed(deadline) && consensus_in_contact(node->consensus));
	return err;
}

CK_RV change_commit(struct question *question, const struct id *key, const Craton__Event *event,
                    deadline_ms deadline, struct request_record *out)
{
	struct node *node = question->node;
	Craton__Event dated = *event;
	uint64_t index;
	dated.since = question->since;
	size_t size = craton__event__get_packed_size(&dated);
	uint8_t *packed = size <= ENTRY_SIZE_MAX ? malloc(size) : NULL;
	if (!packed)
		return size > ENTRY_SIZE_MAX ? CKR_DEVICE_MEMORY : CKR_HOST_MEMORY;
	craton__event__pack(&dated, packed);
	enum err err = propose(question, key, packed, size, deadline, &index);
	free(packed);
	if (err == ERR_OK)
		err = directory_request(node->directory, key, out);
	return question_err(question, err, "changing the directory");
}

CK_RV change_rv(const struct request_record *record, CK_RV not_found)
{
	switch (record->outcome) {
	case OUTCOME_DONE:
		return CKR_OK;
	case OUTCOME_NOT_FOUND:
		return not_found;
	case OUTCOME_LOCKED:
		return CKR_PIN_LOCKED;
	case OUTCOME_STALE:
	case OUTCOME_CONFLICT:
	case OUTCOME_MALFORMED:
		break;
	}
	return CKR_FUNCTION_FAILED;
}

CK_RV change_settle(struct question *question, const struct request_record *record)
{
	enum err err = consensus_settle(question->node->consensus, record->index, question->deadline);
	return question_err(question, err, "done, and waiting until every member in contact knows");
}

CK_RV change_once(struct question *question, const Craton__Event *event, CK_RV not_found, struct request_record *out)
{
	struct id key = change_key(0, &question->request->request_id, 0);
	struct request_record record = { .index = 0 };
	CK_RV rv = CKR_OK;
	if (!change_is_known(question, &key, &record))
		rv = change_commit(question, &key, event, question->deadline, &record);
	if (out)
		*out = record;
	if (rv == CKR_OK)
		rv = change_rv(&record, not_found);
	if (rv == CKR_OK)
		rv = change_settle(question, &record);
	return rv == CKR_OK ? question_done(question) : rv;
}
