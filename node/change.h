/* A change of what the cluster agrees on, made exactly once however often it is asked for. */
#pragma once
#include "node/question.h"

/* What the directory knows a client's request by. A client names its requests itself, so the slot is part of it;
 * `attempt` counts the tries of one request after OUTCOME_CONFLICT or OUTCOME_STALE, 0 for the first. */
struct id change_key(uint32_t slot, const ProtobufCBinaryData *request_id, unsigned attempt);
/* The id of the object that request makes as its `ordinal`th, the same on whichever node it is tried. */
struct id change_object_id(uint32_t slot, const ProtobufCBinaryData *request_id, uint8_t ordinal);

/* Has this been done already? */
bool change_is_known(struct question *question, const struct id *key, struct request_record *out);
/* Proposes the event, as of when its answer began (Event.since), and reads what became of the request (ours, or the same one through another node, if that was
 * first). CKR_OK with *out filled; else a fault is set: FAULT_NO_MAJORITY at the deadline, or before it where this node is out of contact
 * for longer than elections take. It may have been done, or be done yet, and then once: the same request has to be asked again to know. */
CK_RV change_commit(struct question *question, const struct id *key, const Craton__Event *event,
                    deadline_ms deadline, struct request_record *out);
/* What stood in a change's way (`rv`) may be its own doing: the same request, through another node, since we last looked. Then CKR_OK, and the
 * fault is taken back. */
CK_RV change_after_all(struct question *question, const struct id *key, CK_RV rv, struct request_record *out);
/* Until every member in contact has applied what was done: from here on none of them acts on what was before. */
CK_RV change_settle(struct question *question, const struct request_record *record);
/* The whole walk of a change that is made of the request alone: done once, whoever asks again, everywhere, and answered. `out` may be
 * NULL; its outcome is 0 where nobody knows one. */
CK_RV change_once(struct question *question, const Craton__Event *event, CK_RV not_found, struct request_record *out);
/* What an outcome is called in PKCS#11; `not_found` is for OUTCOME_NOT_FOUND. */
CK_RV change_rv(const struct request_record *record, CK_RV not_found);
