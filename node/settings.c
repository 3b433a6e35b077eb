#include "node/settings.h"
#include "base/log.h"
#include "node/change.h"
#include "node/duty.h"
#include <stdio.h>
#include <string.h>

/* The first value is what holds where nothing was set. The values' places are those of the enums. */
static const struct setting {
	const char *name;
	const char *values[2];
	size_t offset; /* in struct settings, of an _Atomic int */
} known[] = {
	{ "minority", { [MINORITY_SERVE] = "serve", [MINORITY_REFUSE] = "refuse" }, offsetof(struct settings, minority) },
	{ "reads", { [READS_SESSION] = "session", [READS_LINEARIZABLE] = "linearizable" }, offsetof(struct settings, reads) },
};
#define KNOWN_COUNT (sizeof known / sizeof *known)

static const _Atomic int *place_of(const struct settings *settings, const struct setting *setting)
{
	return (const _Atomic int *)(const void *)((const char *)settings + setting->offset);
}

static bool value_of(const struct setting *setting, const char *text, int *value)
{
	for (int i = 0; i < 2; i++) {
		if (strcmp(setting->values[i], text) != 0)
			continue;
		*value = i;
		return true;
	}
	return false;
}

enum err setting_text(struct node *node, const char *name, char text[SETTING_TEXT_SIZE])
{
	struct buf value;
	buf_init(&value, SETTING_TEXT_SIZE - 1);
	enum err err = directory_setting(node->directory, name, &value);
	size_t size = err == ERR_OK ? value.size : 0;
	if (size)
		memcpy(text, value.data, size);
	text[size] = '\0';
	buf_finish(&value);
	return err == ERR_TOO_BIG ? ERR_OK : err;
}

static void learn(struct node *node, const struct setting *setting)
{
	char text[SETTING_TEXT_SIZE];
	int value = 0, before;
	enum err err = setting_text(node, setting->name, text);
	if (err != ERR_OK && err != ERR_NOT_FOUND) {
		log_error("node", "setting not read name=%s err=%s", setting->name, err_name(err));
		return;
	}
	value_of(setting, text, &value);
	before = atomic_exchange((_Atomic int *)(uintptr_t)place_of(&node->settings, setting), value);
	if (before != value)
		log_info("node", "setting name=%s value=%s", setting->name, setting->values[value]);
}

void settings_learn(struct node *node)
{
	for (size_t i = 0; i < KNOWN_COUNT; i++)
		learn(node, &known[i]);
	Craton__Duty duty = duty_of(node, (uint64_t)node->config->id);
	if (atomic_exchange(&node->settings.duty, (int)duty) != (int)duty)
		log_info("node", "duty=%s", duty_name(duty));
}

const char *settings_name(size_t i)
{
	return i < KNOWN_COUNT ? known[i].name : NULL;
}

const char *settings_value(const struct settings *settings, size_t i)
{
	return known[i].values[atomic_load(place_of(settings, &known[i]))];
}

void setting_event_init(struct setting_event *out, const char *name, const void *value, size_t size)
{
	craton__setting_changed__init(&out->change);
	craton__event__init(&out->event);
	out->change.name = (char *)(uintptr_t)name; /* protobuf-c's strings are not const; packing only reads them */
	out->change.value = (ProtobufCBinaryData){ size, (uint8_t *)(uintptr_t)value };
	out->event.change_case = CRATON__EVENT__CHANGE_SETTING_CHANGED;
	out->event.setting_changed = &out->change;
}

/* ---- what an administrator sets */

static CK_RV refuse_value(struct question *question, const struct setting *setting, const char *value)
{
	return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "%s is %s or %s, not \"%.40s\"", setting->name,
	                      setting->values[0], setting->values[1], value);
}

static CK_RV refuse_name(struct question *question, const char *name)
{
	char names[128] = "";
	for (size_t i = 0; i < KNOWN_COUNT; i++)
		snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "", known[i].name);
	return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "no setting is called \"%.40s\"; there are: %s", name, names);
}

CK_RV answer_cluster_set(struct question *question)
{
	const Craton__ClusterSetting *body = question->request->cluster_set;
	const struct setting *setting = NULL;
	struct setting_event event;
	int value;
	for (size_t i = 0; i < KNOWN_COUNT; i++)
		if (strcmp(known[i].name, body->name) == 0)
			setting = &known[i];
	if (!setting)
		return refuse_name(question, body->name);
	if (!value_of(setting, body->value, &value))
		return refuse_value(question, setting, body->value);
	setting_event_init(&event, body->name, body->value, strlen(body->value));
	return change_once(question, &event.event, CKR_FUNCTION_FAILED, NULL);
}
