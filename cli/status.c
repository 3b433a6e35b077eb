/* craton status. */
#include "cli/status.h"
#include "wire/cryptoki.h"
#include "wire/duty.h"
#include <inttypes.h>

static const char *duty_text(Craton__Duty duty)
{
	const char *name = duty_name(duty);
	return name ? name : "unknown";
}

void status_add_cells(struct table *table, const struct member_status *status)
{
	const Craton__Status *body = member_status(status);
	if (!body) {
		table_add(table, "-");
		table_add(table, "unreachable");
		for (int i = 2; i < STATUS_COLUMNS; i++)
			table_add(table, "-");
		return;
	}
	table_add(table, "%s", body->role);
	table_add(table, "%s", status->is_strange ? "another cluster" : body->state);
	table_add(table, "%s", duty_text(body->duty));
	table_add(table, "%s", body->in_contact ? "yes" : "no");
	table_add(table, "%" PRIu64, body->term);
	table_add(table, "%" PRIu64, body->applied_index);
	table_add(table, "%" PRIu64, body->commit_index);
	table_add(table, "%" PRIu64, body->last_index);
	table_add(table, "%" PRIu64, body->objects);
}

#define DAY_S 86400
#define SOON_DAYS 14

static void warn_of_end(FILE *out, const char *name, const char *whose, int64_t seconds)
{
	int64_t days = seconds / DAY_S;
	if (seconds < 0)
		fprintf(out, "%s: %s certificate has expired; put a new one in its place, then send the node SIGHUP\n", name, whose);
	else if (seconds > 0 && days < SOON_DAYS)
		fprintf(out, "%s: %s certificate expires in %" PRId64 " day%s\n", name, whose, days, days == 1 ? "" : "s");
}

void status_print_warnings(FILE *out, const struct member_status *statuses, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const Craton__Status *body = member_status(&statuses[i]);
		if (!body)
			continue;
		warn_of_end(out, statuses[i].name, "its", body->certificate_seconds);
		warn_of_end(out, statuses[i].name, "its authority's", body->authority_seconds);
	}
}

static void add_digest(FILE *out, const ProtobufCBinaryData *digest)
{
	fprintf(out, ",\"digest\":\"");
	for (size_t i = 0; i < digest->len; i++)
		fprintf(out, "%02x", digest->data[i]);
	fputc('"', out);
}

static void add_peers(FILE *out, const Craton__Status *body)
{
	fprintf(out, ",\"peers\":[");
	for (size_t i = 0; i < body->n_peers; i++) {
		const Craton__PeerStatus *peer = body->peers[i];
		json_member(out, i ? ",{" : "{", "name", peer->name);
		fprintf(out, ",\"voter\":%s,\"connected\":%s,\"heard_ms_ago\":%" PRId64, peer->voter ? "true" : "false",
		        peer->connected ? "true" : "false", peer->heard_ms_ago);
		json_number(out, ",", "match_index", peer->match_index);
		json_member(out, ",", "duty", duty_text(peer->duty));
		fputc('}', out);
	}
	fprintf(out, "],\"counters\":{");
	for (size_t i = 0; i < body->n_counters; i++)
		json_number(out, i ? "," : "", body->counters[i]->name, body->counters[i]->value);
	fputc('}', out);
}

static void add_cluster(FILE *out, const struct member_status *status)
{
	char text[ID_TEXT_SIZE];
	id_text(&status->cluster, text);
	if (!id_is_zero(&status->cluster))
		json_member(out, ",", "cluster", text);
	fprintf(out, ",\"another_cluster\":%s", status->is_strange ? "true" : "false");
}

void status_add_json(FILE *out, const struct member_status *status)
{
	const Craton__Status *body = member_status(status);
	fprintf(out, ",\"reachable\":%s", body ? "true" : "false");
	if (!body) {
		json_member(out, ",", "complaint", status->complaint.text);
		return;
	}
	json_member(out, ",", "role", body->role);
	json_member(out, ",", "state", body->state);
	json_member(out, ",", "duty", duty_text(body->duty));
	fprintf(out, ",\"in_contact\":%s", body->in_contact ? "true" : "false");
	add_cluster(out, status);
	json_member(out, ",", "leader", body->leader);
	json_number(out, ",", "term", body->term);
	json_number(out, ",", "applied", body->applied_index);
	json_number(out, ",", "committed", body->commit_index);
	json_number(out, ",", "last", body->last_index);
	json_number(out, ",", "snapshot", body->snapshot_index);
	json_number(out, ",", "objects", body->objects);
	json_number(out, ",", "started_ms_ago", (uint64_t)body->started_ms_ago);
	json_member(out, ",", "token_label", body->token_label);
	json_member(out, ",", "token_serial", body->token_serial);
	if (body->certificate_seconds)
		fprintf(out, ",\"certificate_seconds\":%" PRId64, body->certificate_seconds);
	if (body->authority_seconds)
		fprintf(out, ",\"authority_seconds\":%" PRId64, body->authority_seconds);
	add_digest(out, &body->digest);
	add_peers(out, body);
}

static void print_json(const struct asker *asker, const struct member_status *statuses)
{
	printf("{\"members\":[");
	for (size_t i = 0; i < asker->config.member_count; i++) {
		json_member(stdout, i ? ",{" : "{", "name", statuses[i].name);
		json_member(stdout, ",", "address", asker->config.members[i].address_text);
		status_add_json(stdout, &statuses[i]);
		printf("}");
	}
	printf("]}\n");
}

static void print_table(const struct asker *asker, const struct member_status *statuses)
{
	static struct table table;
	table_init(&table, "MEMBER ADDRESS " STATUS_TITLES);
	for (size_t i = 0; i < asker->config.member_count; i++) {
		table_add(&table, "%s", statuses[i].name);
		table_add(&table, "%s", asker->config.members[i].address_text);
		status_add_cells(&table, &statuses[i]);
	}
	table_print(&table, stdout);
	for (size_t i = 0; i < asker->config.member_count; i++)
		if (!statuses[i].reply)
			printf("%s\n", statuses[i].complaint.text);
	status_print_warnings(stdout, statuses, asker->config.member_count);
}

int status_run(const struct options *options)
{
	struct member_status statuses[MEMBERS_MAX] = { 0 };
	struct complaint complaint = { "" };
	struct asker asker;
	if (asker_open(options->conf, &asker, &complaint) != ERR_OK)
		return command_failed(&complaint);
	size_t count = asker.config.member_count;
	int exit_status = COMMAND_OK;
	ask_status(&asker, statuses);
	for (size_t i = 0; i < count; i++)
		if (!member_is_serving(&statuses[i]))
			exit_status = COMMAND_FAILED;
	if (options->json)
		print_json(&asker, statuses);
	else
		print_table(&asker, statuses);
	member_status_release(statuses, count);
	asker_close(&asker);
	return exit_status;
}
