#include "base/config.h"
#include "base/buf.h"
#include "base/config_value.h"
#include "base/file.h"
#include <assert.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_SIZE_MAX (1u << 20) /* bytes */
#define NAME_SIZE_MAX 64         /* of a group's item: a node's name stands in its certificate, too */

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

static size_t key_count(const struct config_key *keys)
{
	size_t count = 0;
	while (keys[count].section)
		count++;
	return count;
}

static int mistake(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says so with file and line, and returns what makes inih stop. */
static int mistake(struct parser *p, const char *format, ...)
{
	char text[640];
	va_list args;
	if (p->err != ERR_OK)
		return 0;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	p->err = complain(p->complaint, ERR_CONFIG, "%s:%d: %s", p->file, p->line, text);
	return 0;
}

static int without_memory(struct parser *p)
{
	p->err = complain(p->complaint, ERR_NO_MEMORY, "%s: no memory", p->file);
	return 0;
}

/* "member a" belongs to the keys of "member *". */
static bool section_matches(const struct config_key *key, const char *section, const struct config_group *group)
{
	if (!group)
		return strcmp(key->section, section) == 0;
	size_t size = strlen(group->kind);
	return strncmp(key->section, group->kind, size) == 0 && strcmp(key->section + size, " *") == 0;
}

static bool in_section(const struct parser *p, const struct config_key *key)
{
	return section_matches(key, p->section, p->group);
}

static bool is_group_key(const struct config_key *key)
{
	return strchr(key->section, '*') != NULL;
}

static void *item_at(const struct parser *p, const struct config_group *group, size_t i)
{
	uint8_t *items = *(uint8_t **)(void *)(p->out + group->offset_items);
	return items + i * group->item_size;
}

static size_t *item_count(const struct parser *p, const struct config_group *group)
{
	return (size_t *)(void *)(p->out + group->offset_count);
}

/* Sections and presets */

static bool preset_section(struct parser *p, uint8_t *base)
{
	for (const struct config_key *key = p->keys; key->section; key++) {
		if (!in_section(p, key) || !key->preset)
			continue;
		const char *wrong = config_value_set(key, key->preset, p->folder, base);
		assert(wrong == NULL || wrong == config_value_no_memory);
		if (wrong)
			return without_memory(p);
	}
	return true;
}

static bool preset_all(struct parser *p)
{
	for (const struct config_key *key = p->keys; key->section; key++)
		if (!is_group_key(key) && key->preset && config_value_set(key, key->preset, p->folder, p->out))
			return without_memory(p);
	return true;
}

/* What must be there but was not: said where the section ends. */
static bool required_are_there(struct parser *p)
{
	for (const struct config_key *key = p->keys; key->section; key++)
		if (p->group && in_section(p, key) && key->required && !p->seen[key - p->keys])
			return mistake(p, "[%s] %s: missing; write %s = %s", p->section, key->key, key->key,
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
	size_t *count = item_count(p, group);
	void **items = (void **)(void *)(p->out + group->offset_items);
	if (!name_is_good(name))
		return mistake(p, "[%s]: the name must be 1 to %d letters, digits, '.', '_' or '-'", p->section, NAME_SIZE_MAX);
	for (size_t i = 0; i < *count; i++)
		if (strcmp(*(char **)item_at(p, group, i), name) == 0)
			return mistake(p, "[%s]: stands twice; each %s needs a name of its own", p->section, group->kind);
	if (*count == group->count_max)
		return mistake(p, "[%s]: there can be at most %zu", p->section, group->count_max);
	void *grown = reallocarray(*items, *count + 1, group->item_size);
	if (!grown)
		return without_memory(p);
	*items = grown;
	p->item = item_at(p, group, *count);
	memset(p->item, 0, group->item_size);
	(*count)++;
	if (!(*(char **)(void *)p->item = strdup(name)))
		return without_memory(p);
	for (const struct config_key *key = p->keys; key->section; key++)
		if (in_section(p, key))
			p->seen[key - p->keys] = false;
	return preset_section(p, p->item);
}

/* true if a key of the table lives there; *again if the section stood before. */
static bool plain_section_known(struct parser *p, bool *again)
{
	bool known = false;
	*again = false;
	for (const struct config_key *key = p->keys; key->section; key++) {
		if (is_group_key(key) || strcmp(key->section, p->section) != 0)
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
		return mistake(p, "[%s]: there is no such section; did you mean [%s]?", p->section, near);
	return mistake(p, "[%s]: there is no such section", p->section);
}

static bool section_begin(struct parser *p, const char *name)
{
	bool again;
	if (!required_are_there(p))
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
	return !again || mistake(p, "[%s]: stands twice; write all its keys in one place", p->section);
}

/* inih tells a handler only of sections that have keys, and cuts long names: we look ourselves. */
static bool section_line(struct parser *p, const char *line)
{
	char name[sizeof p->section];
	const char *end = strchr(line, ']');
	if (!end)
		return mistake(p, "\"%.60s\": a section's name ends with ]", line);
	size_t size = (size_t)(end - line - 1);
	if (size >= sizeof name)
		return mistake(p, "\"%.60s...\": the section's name is too long", line);
	memcpy(name, line + 1, size);
	name[size] = '\0';
	return section_begin(p, name);
}

/* Keys */

static int key_unknown(struct parser *p, const char *name)
{
	const char *near = NULL;
	size_t best = 3;
	for (const struct config_key *key = p->keys; key->section; key++)
		if (in_section(p, key))
			near = config_nearer(name, key->key, near, &best);
	if (near)
		return mistake(p, "[%s] %.60s: there is no such key; did you mean %s?", p->section, name, near);
	return mistake(p, "[%s] %.60s: there is no such key", p->section, name);
}

static const struct config_key *key_find(const struct parser *p, const char *name)
{
	for (const struct config_key *key = p->keys; key->section; key++)
		if (in_section(p, key) && strcmp(key->key, name) == 0)
			return key;
	return NULL;
}

/* inih's handler: non-zero if all is well. */
static int key_line(void *user, const char *section, const char *name, const char *value)
{
	struct parser *p = user;
	(void)section; /* may be cut short: ours is p->section */
	if (p->err != ERR_OK)
		return 0;
	if (!p->section[0])
		return mistake(p, "%.60s: stands before any [section]", name);
	const struct config_key *key = key_find(p, name);
	if (!key)
		return key_unknown(p, name);
	if (p->seen[key - p->keys])
		return mistake(p, "[%s] %s: stands twice", p->section, name);
	p->seen[key - p->keys] = true;
	const char *wrong = config_value_set(key, value, p->folder, p->item ? p->item : p->out);
	if (wrong == config_value_no_memory)
		return without_memory(p);
	if (wrong)
		return mistake(p, "[%s] %s = \"%.100s\": %s%s%s", p->section, name, value, wrong,
		               key->hint ? "; write " : "", key->hint ? key->hint : "");
	return 1;
}

/* Lines */

/* inih's reader, in the manner of fgets. A line that does not fit inih's buffer would come out as
 * two, and one that begins with white space as more of the value before: so the one is a mistake,
 * and the other loses its white space. */
static char *line_read(char *out, int size_max, void *stream)
{
	struct parser *p = stream;
	if (p->err != ERR_OK || p->rest == p->end)
		return NULL;
	const char *start = p->rest;
	const char *newline = memchr(start, '\n', (size_t)(p->end - start));
	const char *stop = newline ? newline : p->end;
	p->rest = newline ? newline + 1 : p->end;
	p->line++;
	if (p->line == 1 && stop - start >= 3 && memcmp(start, "\xef\xbb\xbf", 3) == 0)
		start += 3;
	while (start < stop && strchr(" \t\r\v\f", *start) && *start)
		start++;
	if (stop - start > size_max - 3) {
		mistake(p, "the line is longer than %d characters", size_max - 3);
		return NULL;
	}
	if (memchr(start, '\0', (size_t)(stop - start))) {
		mistake(p, "the line has a NUL byte in it");
		return NULL;
	}
	memcpy(out, start, (size_t)(stop - start));
	memcpy(out + (stop - start), "\n", 2);
	if (*out == '[' && !section_line(p, out))
		return NULL;
	return out;
}

/* The whole */

static bool nothing_is_missing(struct parser *p)
{
	if (!required_are_there(p))
		return false;
	for (const struct config_key *key = p->keys; key->section; key++) {
		if (is_group_key(key) || !key->required || p->seen[key - p->keys])
			continue;
		p->err = complain(p->complaint, ERR_CONFIG, "%s: [%s] %s: missing; write %s = %s", p->file, key->section,
		                  key->key, key->key, key->hint ? key->hint : "...");
		return false;
	}
	for (const struct config_group *group = p->groups; group && group->kind; group++) {
		if (*item_count(p, group) >= group->count_min)
			continue;
		p->err = complain(p->complaint, ERR_CONFIG, "%s: needs at least %zu section%s [%s NAME]", p->file,
		                  group->count_min, group->count_min == 1 ? "" : "s", group->kind);
		return false;
	}
	return true;
}

static void parse_all(struct parser *p)
{
	if (!preset_all(p))
		return;
	int line = ini_parse_stream(line_read, p, key_line, p);
	if (line < 0 && p->err == ERR_OK)
		without_memory(p);
	if (line > 0 && p->err == ERR_OK) {
		p->line = line;
		mistake(p, "neither a [section], nor key = value, nor a # comment");
	}
	if (p->err == ERR_OK)
		nothing_is_missing(p);
}

/* The folder that relative paths start from: where the file stands. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup("");
}

enum err config_parse(const char *name, const char *text, size_t size,
                      const struct config_key *keys, const struct config_group *groups,
                      void *out, struct complaint *complaint)
{
	size_t count = key_count(keys);
	char *folder = folder_of(name);
	struct parser parser = {
		.file = name, .folder = folder, .keys = keys, .groups = groups, .out = out,
		.complaint = complaint, .rest = text, .end = text + size,
		.seen = calloc(count + 1, sizeof(bool)), .section_seen = calloc(count + 1, sizeof(bool)),
	};
	if (size > FILE_SIZE_MAX)
		parser.err = complain(complaint, ERR_CONFIG, "%s: is larger than %u bytes", name, FILE_SIZE_MAX);
	else if (!folder || !parser.seen || !parser.section_seen)
		without_memory(&parser);
	else
		parse_all(&parser);
	free(folder);
	free(parser.seen);
	free(parser.section_seen);
	if (parser.err != ERR_OK)
		config_release(keys, groups, out);
	return parser.err;
}

enum err config_load(const char *path, const struct config_key *keys,
                     const struct config_group *groups, void *out,
                     struct complaint *complaint)
{
	struct buf text;
	buf_init(&text, FILE_SIZE_MAX);
	enum err err = file_read(path, &text);
	if (err == ERR_OK)
		err = config_parse(path, text.data ? (const char *)text.data : "", text.size, keys, groups, out, complaint);
	else if (err == ERR_TOO_BIG)
		err = complain(complaint, ERR_CONFIG, "%s: is larger than %u bytes", path, FILE_SIZE_MAX);
	else
		err = complain(complaint, ERR_CONFIG, "%s: cannot be read: %s", path, strerror(errno));
	buf_finish(&text);
	return err;
}

static void release_keys(const struct config_key *keys, const struct config_group *group, const char *section, uint8_t *base)
{
	for (const struct config_key *key = keys; key->section; key++)
		if (group ? section_matches(key, section, group) : !is_group_key(key))
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
