/* Sections, plain and by name, and what belongs to each: its keys, its presets, its item. */
#include "base/config_inside.h"
#include "base/config_value.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE_MAX 64 /* of a group's item: a node's name stands in its certificate, too */

/* "member a" belongs to the keys of "member *". */
static bool section_matches(const struct config_key *key, const char *section, const struct config_group *group)
{
	if (!group)
		return strcmp(key->section, section) == 0;
	size_t size = strlen(group->kind);
	return strncmp(key->section, group->kind, size) == 0 && strcmp(key->section + size, " *") == 0;
}

bool parser_in_section(const struct parser *p, const struct config_key *key)
{
	return section_matches(key, p->section, p->group);
}

bool config_is_group_key(const struct config_key *key)
{
	return strchr(key->section, '*') != NULL;
}

static void *item_at(const struct parser *p, const struct config_group *group, size_t i)
{
	uint8_t *items = *(uint8_t **)(void *)(p->out + group->offset_items);
	return items + i * group->item_size;
}

size_t *parser_item_count(const struct parser *p, const struct config_group *group)
{
	return (size_t *)(void *)(p->out + group->offset_count);
}

/* Sections and presets */

static bool preset_section(struct parser *p, uint8_t *base)
{
	for (const struct config_key *key = p->keys; key->section; key++) {
		if (!parser_in_section(p, key) || !key->preset)
			continue;
		const char *wrong = config_value_set(key, key->preset, p->folder, base);
		assert(wrong == NULL || wrong == config_value_no_memory);
		if (wrong)
			return parser_without_memory(p);
	}
	return true;
}

bool parser_preset_all(struct parser *p)
{
	for (const struct config_key *key = p->keys; key->section; key++)
		if (!config_is_group_key(key) && key->preset && config_value_set(key, key->preset, p->folder, p->out))
			return parser_without_memory(p);
	return true;
}

/* What must be there but was not: said where the section ends. */
bool parser_section_end(struct parser *p)
{
	for (const struct config_key *key = p->keys; key->section; key++)
		if (p->group && parser_in_section(p, key) && key->required && !p->seen[key - p->keys])
			return parser_mistake(p, "[%s] %s: missing; write %s = %s", p->section, key->key, key->key,
			               key->hint ? key->hint : "...");
	return true;
}

static bool name_is_good(const char *name)
{
	size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	return size && size <= NAME_SIZE_MAX && !name[size];
}

static bool item_add(struct parser *p, const struct config_group *group, const char *name)
{
	size_t *count = parser_item_count(p, group);
	void **items = (void **)(void *)(p->out + group->offset_items);
	if (!name_is_good(name))
		return parser_mistake(p, "[%s]: the name must be 1 to %d letters, digits, '.', '_' or '-'", p->section, NAME_SIZE_MAX);
	for (size_t i = 0; i < *count; i++)
		if (strcmp(*(char **)item_at(p, group, i), name) == 0)
			return parser_mistake(p, "[%s]: stands twice; each %s needs a name of its own", p->section, group->kind);
	if (*count == group->count_max)
		return parser_mistake(p, "[%s]: there can be at most %zu", p->section, group->count_max);
	void *grown = reallocarray(*items, *count + 1, group->item_size);
	if (!grown)
		return parser_without_memory(p);
	*items = grown;
	p->item = item_at(p, group, *count);
	memset(p->item, 0, group->item_size);
	(*count)++;
	if (!(*(char **)(void *)p->item = strdup(name)))
		return parser_without_memory(p);
	for (const struct config_key *key = p->keys; key->section; key++)
		if (parser_in_section(p, key))
			p->seen[key - p->keys] = false;
	return preset_section(p, p->item);
}

/* true if a key of the table lives there; *again if the section stood before. */
static bool plain_section_known(struct parser *p, bool *again)
{
	bool known = false;
	*again = false;
	for (const struct config_key *key = p->keys; key->section; key++) {
		if (config_is_group_key(key) || strcmp(key->section, p->section) != 0)
			continue;
		known = true;
		*again |= p->section_seen[key - p->keys];
		p->section_seen[key - p->keys] = true;
	}
	return known;
}

static bool section_unknown(struct parser *p)
{
	const char *near = NULL;
	size_t best = 3;
	for (const struct config_key *key = p->keys; key->section; key++)
		near = config_nearer(p->section, key->section, near, &best);
	if (near)
		return parser_mistake(p, "[%s]: there is no such section; did you mean [%s]?", p->section, near);
	return parser_mistake(p, "[%s]: there is no such section", p->section);
}

bool parser_section_begin(struct parser *p, const char *name)
{
	bool again;
	if (!parser_section_end(p))
		return false;
	snprintf(p->section, sizeof p->section, "%s", name);
	p->group = NULL;
	p->item = NULL;
	for (const struct config_group *group = p->groups; group && group->kind; group++) {
		size_t size = strlen(group->kind);
		if (strncmp(name, group->kind, size) != 0 || (name[size] != ' ' && name[size]))
			continue;
		p->group = group;
		return item_add(p, group, name + size + (name[size] == ' '));
	}
	if (!plain_section_known(p, &again))
		return section_unknown(p);
	return !again || parser_mistake(p, "[%s]: stands twice; write all its keys in one place", p->section);
}

static void release_keys(const struct config_key *keys, const struct config_group *group, const char *section, uint8_t *base)
{
	for (const struct config_key *key = keys; key->section; key++)
		if (group ? section_matches(key, section, group) : !config_is_group_key(key))
			config_value_release(key, base);
}

void config_release(const struct config_key *keys, const struct config_group *groups, void *out)
{
	uint8_t *base = out;
	for (const struct config_group *group = groups; group && group->kind; group++) {
		void **items = (void **)(void *)(base + group->offset_items);
		size_t *count = (size_t *)(void *)(base + group->offset_count);
		for (size_t i = 0; i < *count; i++) {
			uint8_t *item = (uint8_t *)*items + i * group->item_size;
			release_keys(keys, group, "", item);
			free(*(char **)(void *)item);
		}
		free(*items);
		*items = NULL;
		*count = 0;
	}
	release_keys(keys, NULL, "", base);
}
