/* craton cluster show | set, and craton member set. */
#include "cli/ask.h"
#include "cli/print.h"
#include "wire/duty.h"
#include <stdio.h>
#include <string.h>

/* Of the first member that is in contact, if one is: one that is cut off may not know of the last change. */
static const Craton__Status *first_status(const struct asker *asker, const struct member_status *statuses)
{
	const Craton__Status *found = NULL;
	for (size_t i = 0; i < asker->config.member_count; i++) {
		const Craton__Status *body = statuses[i].is_strange ? NULL : member_status(&statuses[i]);
		if (body && (!found || (body->in_contact && !found->in_contact)))
			found = body;
	}
	return found;
}

static void print_settings(const Craton__Status *status, bool as_json)
{
	static struct table table;
	if (as_json)
		printf("{");
	else
		table_init(&table, "NAME VALUE");
	for (size_t i = 0; i < status->n_settings; i++) {
		const Craton__ClusterSetting *setting = status->settings[i];
		if (as_json) {
			json_member(stdout, i ? "," : "", setting->name, setting->value);
			continue;
		}
		table_add(&table, "%s", setting->name);
		table_add(&table, "%s", setting->value);
	}
	if (as_json)
		printf("}\n");
	else
		table_print(&table, stdout);
}

int cluster_show_run(const struct options *options)
{
	struct member_status statuses[MEMBERS_MAX] = { 0 };
	struct complaint complaint = { "" };
	struct asker asker;
	if (asker_open(options->conf, &asker, &complaint) != ERR_OK)
		return command_failed(&complaint);
	ask_status(&asker, statuses);
	const Craton__Status *status = first_status(&asker, statuses);
	if (status)
		print_settings(status, options->json);
	else
		complain(&complaint, ERR_CLOSED, "no member answers; the first one: %s",
		         asker.config.member_count ? statuses[0].complaint.text : "there is none");
	member_status_release(statuses, asker.config.member_count);
	asker_close(&asker);
	return status ? COMMAND_OK : command_failed(&complaint);
}

static int do_deed(const struct options *options, Craton__Request *request)
{
	struct complaint complaint = { "" };
	struct asker asker;
	enum err err = asker_open(options->conf, &asker, &complaint);
	if (err == ERR_OK) {
		err = ask_deed(&asker, request, &complaint);
		asker_close(&asker);
	}
	return err == ERR_OK ? COMMAND_OK : command_failed(&complaint);
}

int cluster_set_run(const struct options *options)
{
	Craton__ClusterSetting body = CRATON__CLUSTER_SETTING__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	body.name = (char *)(uintptr_t)options->operand; /* protobuf-c's strings are not const; packing only reads them */
	body.value = (char *)(uintptr_t)options->value;
	request.body_case = CRATON__REQUEST__BODY_CLUSTER_SET;
	request.cluster_set = &body;
	return do_deed(options, &request);
}

int member_set_run(const struct options *options)
{
	struct complaint complaint;
	Craton__MemberSet body = CRATON__MEMBER_SET__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	if (!duty_named(options->value, &body.duty)) {
		complain(&complaint, ERR_CONFIG, "member set: a member is active, standby or draining, not \"%s\"", options->value);
		return command_failed(&complaint);
	}
	body.node = (char *)(uintptr_t)options->operand;
	request.body_case = CRATON__REQUEST__BODY_MEMBER_SET;
	request.member_set = &body;
	return do_deed(options, &request);
}
