/* The settings of the cluster: agreed on through the log, kept in the directory, and what every call must know of them kept at
 * hand, so that no call asks the directory for it. */
#pragma once
#include "base/err.h"
#include "store/events.pb-c.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node;

/* What a member that is out of contact with the majority does with keys that exist; DESIGN: point 5 of what is promised. */
enum minority { MINORITY_SERVE, MINORITY_REFUSE };
/* As of when the directory is read: of what the asker has seen, or of now. */
enum reads { READS_SESSION, READS_LINEARIZABLE };

/* As the directory had it when it last changed. */
struct settings {
	_Atomic int minority, reads; /* enum minority, enum reads */
	_Atomic int duty;            /* this node's, a Craton__Duty */
};

/* Reads them anew. A name or value that this version does not know is as if it had never been set. Any thread. */
void settings_learn(struct node *node);

/* ERR_NOT_FOUND: never set. A value that is no short text is none that we know: "". */
#define SETTING_TEXT_SIZE 33
enum err setting_text(struct node *node, const char *name, char text[SETTING_TEXT_SIZE]);

/* The settings that a ClusterSetting may name. NULL: there are no more. */
const char *settings_name(size_t i);
const char *settings_value(const struct settings *settings, size_t i); /* what holds */

/* The event that sets it; valid as long as `name` and `value` are. */
struct setting_event {
	Craton__SettingChanged change;
	Craton__Event event;
};
void setting_event_init(struct setting_event *out, const char *name, const void *value, size_t size);
