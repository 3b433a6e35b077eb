#include "cli/ask.h"
#include "base/clock.h"
#include "base/id.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_PATIENCE_MS 3000

enum err asker_open(const char *conf, struct asker *asker, struct complaint *complaint)
{
	const char *named = conf ? conf : getenv("CRATON_ADMIN_CONF");
	*asker = (struct asker){ 0 };
	enum err err = client_config_load(named, &asker->config, complaint);
	if (err == ERR_OK && asker->config.certificate_file) {
		struct identity admin = { .kind = IDENTITY_ADMIN };
		err = tls_create(asker->config.authority_file, asker->config.certificate_file, asker->config.key_file,
		                 &admin, &asker->tls, complaint);
	}
	if (err != ERR_OK)
		asker_close(asker);
	return err;
}

void asker_close(struct asker *asker)
{
	tls_destroy(asker->tls);
	client_config_release(&asker->config);
	*asker = (struct asker){ 0 };
}

const struct client_member *asker_member(const struct asker *asker, const char *name, struct complaint *complaint)
{
	char names[256] = "";
	for (size_t i = 0; i < asker->config.member_count; i++) {
		const struct client_member *member = &asker->config.members[i];
		if (strcmp(member->name, name) == 0)
			return member;
		size_t used = strlen(names);
		snprintf(names + used, sizeof names - used, " %s", member->name);
	}
	complain(complaint, ERR_NOT_FOUND, "no member is called %s; %s has:%s", name, asker->config.file, names);
	return NULL;
}

/* The two kinds of bad news in an answer, as one line. */
static enum err answer_judge(const char *name, const Craton__Reply *reply, struct complaint *complaint)
{
	const char *words = reply->complaint && reply->complaint[0] ? reply->complaint : NULL;
	if (reply->fault != CRATON__FAULT__FAULT_NONE) {
		const ProtobufCEnumValue *fault = protobuf_c_enum_descriptor_get_value(&craton__fault__descriptor,
		                                                                       (int)reply->fault);
		bool elsewhere = reply->fault == CRATON__FAULT__FAULT_BEHIND ||
		                 reply->fault == CRATON__FAULT__FAULT_NOT_SERVING ||
		                 reply->fault == CRATON__FAULT__FAULT_NO_MAJORITY ||
		                 reply->fault == CRATON__FAULT__FAULT_BUSY;
		return complain(complaint, elsewhere ? ERR_BUSY : ERR_REFUSED, "%s: %s", name,
		                words ? words : fault ? fault->name : "an unknown fault");
	}
	if (reply->rv != 0)
		return complain(complaint, ERR_REFUSED, "%s: %s%s0x%" PRIx64, name, words ? words : "",
		                words ? ", rv=" : "answered rv=", reply->rv);
	return ERR_OK;
}

static enum err ask_over(struct channel *channel, const struct asker *asker, const Craton__Request *request,
                         int64_t patience_ms, Craton__Reply **out, struct id *cluster)
{
	Craton__HelloReply *hello = NULL;
	enum err err = call_hello(channel, "craton", deadline_in(asker->config.connect_ms), &hello);
	if (err != ERR_OK)
		return err;
	if (!id_from_bytes(cluster, hello->cluster.data, hello->cluster.len))
		*cluster = (struct id){ { 0 } };
	craton__hello_reply__free_unpacked(hello, NULL);
	return call(channel, request, patience_ms, DEADLINE_NEVER, out);
}

/* Also of which cluster it says it is. */
static enum err ask_stranger(const struct asker *asker, const struct client_member *member, const Craton__Request *request,
                             int64_t patience_ms, Craton__Reply **out, struct id *cluster, struct complaint *complaint)
{
	struct identity expected = { .kind = IDENTITY_NODE };
	struct channel *channel = NULL;
	*out = NULL;
	snprintf(expected.name, sizeof expected.name, "%s", member->name);
	enum err err = channel_connect(&member->address, asker->tls, &expected, deadline_in(asker->config.connect_ms),
	                               &channel);
	if (err == ERR_OK)
		err = ask_over(channel, asker, request, patience_ms, out, cluster);
	channel_close(channel);
	if (err != ERR_OK)
		return complain(complaint, err, "%s: no answer from %s (%s)", member->name, member->address_text,
		                err_name(err));
	err = answer_judge(member->name, *out, complaint);
	if (err != ERR_OK) {
		craton__reply__free_unpacked(*out, NULL);
		*out = NULL;
	}
	return err;
}

enum err ask_member(const struct asker *asker, const struct client_member *member, const Craton__Request *request,
                    int64_t patience_ms, Craton__Reply **out, struct complaint *complaint)
{
	struct id cluster;
	return ask_stranger(asker, member, request, patience_ms, out, &cluster, complaint);
}

enum err ask_any(const struct asker *asker, const Craton__Request *request, Craton__Reply **out,
                 struct complaint *complaint)
{
	enum err err = complain(complaint, ERR_CONFIG, "%s names no member", asker->config.file);
	for (size_t i = 0; i < asker->config.member_count; i++) {
		err = ask_member(asker, &asker->config.members[i], request, asker->config.command_ms, out, complaint);
		if (err == ERR_OK || err == ERR_REFUSED)
			break;
	}
	return err;
}

enum err ask_deed(const struct asker *asker, Craton__Request *request, struct complaint *complaint)
{
	struct id request_id = id_random();
	Craton__Reply *reply = NULL;
	request->request_id = (ProtobufCBinaryData){ ID_SIZE, request_id.bytes };
	request->timeout_ms = (uint32_t)asker->config.command_ms;
	enum err err = ask_any(asker, request, &reply, complaint);
	if (reply)
		craton__reply__free_unpacked(reply, NULL);
	return err;
}

struct question {
	const struct asker *asker;
	const struct client_member *member;
	struct member_status *status;
	pthread_t thread;
	bool started;
};

static void *question_run(void *data)
{
	struct question *question = data;
	Craton__StatusRequest body = CRATON__STATUS_REQUEST__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	request.body_case = CRATON__REQUEST__BODY_STATUS;
	request.status = &body;
	request.timeout_ms = STATUS_PATIENCE_MS;
	ask_stranger(question->asker, question->member, &request, STATUS_PATIENCE_MS, &question->status->reply,
	             &question->status->cluster, &question->status->complaint);
	return NULL;
}

/* Whose cluster most members name is the one that is meant; of as many, the first one's. */
void members_find_strange(struct member_status *statuses, size_t count)
{
	size_t most = 0;
	struct id meant = { { 0 } };
	for (size_t i = 0; i < count; i++) {
		size_t same = 0;
		for (size_t j = 0; j < count; j++)
			same += id_equal(&statuses[i].cluster, &statuses[j].cluster);
		if (id_is_zero(&statuses[i].cluster) || same <= most)
			continue;
		most = same;
		meant = statuses[i].cluster;
	}
	for (size_t i = 0; i < count; i++)
		statuses[i].is_strange = !id_is_zero(&statuses[i].cluster) && !id_equal(&statuses[i].cluster, &meant);
}

void ask_status(const struct asker *asker, struct member_status *out)
{
	struct question questions[MEMBERS_MAX] = { 0 };
	size_t count = asker->config.member_count;
	for (size_t i = 0; i < count; i++) {
		out[i] = (struct member_status){ .name = asker->config.members[i].name };
		questions[i] = (struct question){ asker, &asker->config.members[i], &out[i], 0, false };
		questions[i].started = pthread_create(&questions[i].thread, NULL, question_run, &questions[i]) == 0;
		if (!questions[i].started)
			question_run(&questions[i]);
	}
	for (size_t i = 0; i < count; i++)
		if (questions[i].started)
			pthread_join(questions[i].thread, NULL);
	members_find_strange(out, count);
}

void member_status_release(struct member_status *statuses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (statuses[i].reply)
			craton__reply__free_unpacked(statuses[i].reply, NULL);
}

const Craton__Status *member_status(const struct member_status *status)
{
	return status->reply && status->reply->body_case == CRATON__REPLY__BODY_STATUS ? status->reply->status : NULL;
}

bool member_is_serving(const struct member_status *status)
{
	const Craton__Status *body = member_status(status);
	return body && !status->is_strange && strcmp(body->state, "serving") == 0 && body->leader[0];
}

bool member_is_stuck(const struct member_status *status)
{
	const Craton__Status *body = member_status(status);
	return body && (strcmp(body->state, "token hangs") == 0 || strcmp(body->state, "needs enrolment") == 0);
}
