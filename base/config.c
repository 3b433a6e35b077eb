#include "base/config_inside.h"
#include "base/buf.h"
#include "base/config_value.h"
#include "base/file.h"
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_SIZE_MAX (1u << 20) /* bytes */

static size_t key_count(const struct config_key *keys)
{
	size_t count = 0;
	while (keys[count].section)
		count++;
	return count;
}

int parser_mistake(struct parser *p, const char *format, ...)
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

int parser_without_memory(struct parser *p)
{
	p->err = complain(p->complaint, ERR_NO_MEMORY, "%s: no memory", p->file);
	return 0;
}

/* Keys */

static int key_unknown(struct parser *p, const char *name)
{
	const char *near = NULL;
	size_t best = 3;
	for (const struct config_key *key = p->keys; key->section; key++)
		if (parser_in_section(p, key))
			near = config_nearer(name, key->key, near, &best);
	if (near)
		return parser_mistake(p, "[%s] %.60s: there is no such key; did you mean %s?", p->section, name, near);
	return parser_mistake(p, "[%s] %.60s: there is no such key", p->section, name);
}

static const struct config_key *key_find(const struct parser *p, const char *name)
{
	for (const struct config_key *key = p->keys; key->section; key++)
		if (parser_in_section(p, key) && strcmp(key->key, name) == 0)
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
		return parser_mistake(p, "%.60s: stands before any [section]", name);
	const struct config_key *key = key_find(p, name);
	if (!key)
		return key_unknown(p, name);
	if (p->seen[key - p->keys])
		return parser_mistake(p, "[%s] %s: stands twice", p->section, name);
	p->seen[key - p->keys] = true;
	const char *wrong = config_value_set(key, value, p->folder, p->item ? p->item : p->out);
	if (wrong == config_value_no_memory)
		return parser_without_memory(p);
	if (wrong)
		return parser_mistake(p, "[%s] %s = \"%.100s\": %s%s%s", p->section, name, value, wrong,
		               key->hint ? "; write " : "", key->hint ? key->hint : "");
	return 1;
}

/* Lines */

/* inih tells a handler only of sections that have keys, and cuts long names: we look ourselves. */
static bool section_line(struct parser *p, const char *line)
{
	char name[sizeof p->section];
	const char *end = strchr(line, ']');
	if (!end)
		return parser_mistake(p, "\"%.60s\": a section's name ends with ]", line);
	size_t size = (size_t)(end - line - 1);
	if (size >= sizeof name)
		return parser_mistake(p, "\"%.60s...\": the section's name is too long", line);
	memcpy(name, line + 1, size);
	name[size] = '\0';
	return parser_section_begin(p, name);
}
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
		parser_mistake(p, "the line is longer than %d characters", size_max - 3);
		return NULL;
	}
	if (memchr(start, '\0', (size_t)(stop - start))) {
		parser_mistake(p, "the line has a NUL byte in it");
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
	if (!parser_section_end(p))
		return false;
	for (const struct config_key *key = p->keys; key->section; key++) {
		if (config_is_group_key(key) || !key->required || p->seen[key - p->keys])
			continue;
		p->err = complain(p->complaint, ERR_CONFIG, "%s: [%s] %s: missing; write %s = %s", p->file, key->section,
		                  key->key, key->key, key->hint ? key->hint : "...");
		return false;
	}
	for (const struct config_group *group = p->groups; group && group->kind; group++) {
		if (*parser_item_count(p, group) >= group->count_min)
			continue;
		p->err = complain(p->complaint, ERR_CONFIG, "%s: needs at least %zu section%s [%s NAME]", p->file,
		                  group->count_min, group->count_min == 1 ? "" : "s", group->kind);
		return false;
	}
	return true;
}

static void parse_all(struct parser *p)
{
	if (!parser_preset_all(p))
		return;
	int line = ini_parse_stream(line_read, p, key_line, p);
	if (line < 0 && p->err == ERR_OK)
		parser_without_memory(p);
	if (line > 0 && p->err == ERR_OK) {
		p->line = line;
		parser_mistake(p, "neither a [section], nor key = value, nor a # comment");
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
		parser_without_memory(&parser);
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
