/* What the files of the settings' reader share. */
#pragma once
#include "base/config.h"

/* inih takes lines apart; this knows what they mean. The first mistake ends the reading. */
struct parser {
	const char *file, *folder;
	const struct config_key *keys;
	const struct config_group *groups;
	uint8_t *out;
	struct complaint *complaint;
	enum err err;
	/* where we are */
	const char *rest, *end; /* of the text */
	int line;
	char section[128];      /* as written, "member a" */
	const struct config_group *group; /* NULL in a plain section */
	uint8_t *item;
	bool *seen;             /* by key; a group's keys anew for each item */
	bool *section_seen;     /* by key: a plain section may stand once */
};

/* Says so with file and line, and returns what makes inih stop: 0. */
int parser_mistake(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
int parser_without_memory(struct parser *p);

/* ---- base/config_section.c: sections, and what belongs to them */

/* Whether a key stands in the section we are in. */
bool parser_in_section(const struct parser *p, const struct config_key *key);
bool config_is_group_key(const struct config_key *key);
size_t *parser_item_count(const struct parser *p, const struct config_group *group);
/* Presets of all plain sections; those of a group's item come with the item. */
bool parser_preset_all(struct parser *p);
/* The one before ends: what must be there was. */
bool parser_section_end(struct parser *p);
bool parser_section_begin(struct parser *p, const char *name);
