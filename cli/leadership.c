/* craton snapshot and craton transfer. */
#include "cli/ask.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum err snapshot_member(const struct asker *asker, const struct client_member *member,
                                struct complaint *complaint)
{
	Craton__SnapshotRequest body = CRATON__SNAPSHOT_REQUEST__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Reply *reply;
	request.timeout_ms = (uint32_t)asker->config.command_ms;
	request.body_case = CRATON__REQUEST__BODY_SNAPSHOT;
	request.snapshot = &body;
	enum err err = ask_member(asker, member, &request, asker->config.command_ms, &reply, complaint);
	if (err == ERR_OK && reply->body_case == CRATON__REPLY__BODY_SNAPSHOT)
		printf("%s: snapshot at index %" PRIu64 "\n", member->name, reply->snapshot->index);
	else if (err == ERR_OK)
		err = complain(complaint, ERR_MALFORMED, "%s: the answer is not one to this question", member->name);
	if (reply)
		craton__reply__free_unpacked(reply, NULL);
	return err;
}

int snapshot_run(const struct options *options)
{
	struct complaint complaint = { "" };
	int exit_status = COMMAND_OK;
	struct asker asker;
	if (asker_open(options->conf, &asker, &complaint) != ERR_OK)
		return command_failed(&complaint);
	if (options->operand && !asker_member(&asker, options->operand, &complaint))
		exit_status = command_failed(&complaint);
	for (size_t i = 0; exit_status != COMMAND_FAILED && i < asker.config.member_count; i++) {
		const struct client_member *member = &asker.config.members[i];
		if (options->operand && strcmp(options->operand, member->name) != 0)
			continue;
		if (snapshot_member(&asker, member, &complaint) != ERR_OK)
			exit_status = command_failed(&complaint);
	}
	asker_close(&asker);
	return exit_status;
}

/* Only the leader can give the leadership away. */
static const struct client_member *find_leader(const struct asker *asker, struct complaint *complaint)
{
	struct member_status statuses[MEMBERS_MAX] = { 0 };
	const struct client_member *leader = NULL;
	ask_status(asker, statuses);
	for (size_t i = 0; i < asker->config.member_count; i++) {
		const Craton__Status *body = member_status(&statuses[i]);
		if (body && strcmp(body->role, "leader") == 0)
			leader = &asker->config.members[i];
	}
	member_status_release(statuses, asker->config.member_count);
	if (!leader)
		complain(complaint, ERR_NOT_FOUND, "no member says that it leads; `craton status` shows what they say");
	return leader;
}

int transfer_run(const struct options *options)
{
	struct complaint complaint = { "" };
	Craton__TransferLeadership body = CRATON__TRANSFER_LEADERSHIP__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Reply *reply = NULL;
	struct asker asker;
	if (asker_open(options->conf, &asker, &complaint) != ERR_OK)
		return command_failed(&complaint);
	const struct client_member *member = asker_member(&asker, options->operand, &complaint);
	const struct client_member *leader = member ? find_leader(&asker, &complaint) : NULL;
	enum err err = leader ? ERR_OK : ERR_NOT_FOUND;
	if (leader && leader != member) {
		body.node = member->name;
		request.timeout_ms = (uint32_t)asker.config.command_ms;
		request.body_case = CRATON__REQUEST__BODY_TRANSFER;
		request.transfer = &body;
		err = ask_member(&asker, leader, &request, asker.config.command_ms, &reply, &complaint);
	}
	if (err == ERR_OK)
		printf("%s leads\n", member->name);
	if (reply)
		craton__reply__free_unpacked(reply, NULL);
	asker_close(&asker);
	return err == ERR_OK ? COMMAND_OK : command_failed(&complaint);
}
