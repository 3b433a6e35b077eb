#include "base/config_value.h"
#include "base/file.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

const char config_value_no_memory[] = "no memory";

static const char *set_text(char **field, char *text)
{
	if (!text)
		return config_value_no_memory;
	free(*field);
	*field = text;
	return NULL;
}

static const char *set_bool(bool *field, const char *text)
{
	bool yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0;
	if (!yes && strcmp(text, "no") != 0 && strcmp(text, "false") != 0)
		return "neither yes nor no";
	*field = yes;
	return NULL;
}

static bool integer(const char *text, const char **end, int64_t *value)
{
	char *stop;
	errno = 0;
	long long read = strtoll(text, &stop, 10);
	*end = stop;
	*value = read;
	return stop != text && errno == 0;
}

static const char *set_within(const struct config_key *key, int64_t *field, int64_t value)
{
	if (value < key->min)
		return "too small";
	if (value > key->max)
		return "too large";
	*field = value;
	return NULL;
}

static const char *set_number(const struct config_key *key, int64_t *field, const char *text)
{
	const char *end;
	int64_t value;
	if (!integer(text, &end, &value) || *end)
		return "not a number";
	return set_within(key, field, value);
}

static const char *set_ms(const struct config_key *key, int64_t *field, const char *text)
{
	static const struct { const char *unit; int64_t ms; } units[] = {
		{ "", 1 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
	};
	const char *end;
	int64_t value, ms;
	if (!integer(text, &end, &value))
		return "not a time";
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (strcmp(end, units[i].unit) == 0)
			return __builtin_mul_overflow(value, units[i].ms, &ms) ? "too large" : set_within(key, field, ms);
	return "not a time";
}

static const char *set_choice(const struct config_key *key, int *field, const char *text)
{
	for (int i = 0; key->choices[i]; i++) {
		if (strcmp(key->choices[i], text) == 0) {
			*field = i;
			return NULL;
		}
	}
	return "not one of the choices";
}

const char *config_value_set(const struct config_key *key, const char *text, const char *folder, uint8_t *base)
{
	void *field = base + key->offset;
	if (!*text)
		return "empty";
	switch (key->type) {
	case CONFIG_TEXT:
		return set_text(field, strdup(text));
	case CONFIG_PATH:
		return set_text(field, file_path(folder, text));
	case CONFIG_BOOL:
		return set_bool(field, text);
	case CONFIG_NUMBER:
		return set_number(key, field, text);
	case CONFIG_MS:
		return set_ms(key, field, text);
	case CONFIG_CHOICE:
		return set_choice(key, field, text);
	}
	abort();
}

void config_value_release(const struct config_key *key, uint8_t *base)
{
	char **field = (char **)(void *)(base + key->offset);
	if (key->type != CONFIG_TEXT && key->type != CONFIG_PATH)
		return;
	free(*field);
	*field = NULL;
}

/* Levenshtein's distance: how many letters to add, drop or change. */
static size_t distance_between(const char *a, const char *b)
{
	size_t row[64], size = strlen(b);
	if (size >= sizeof row / sizeof *row)
		return SIZE_MAX;
	for (size_t j = 0; j <= size; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= size; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);
			size_t one = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
			diagonal = row[j];
			row[j] = change < one ? change : one;
		}
	}
	return row[size];
}

const char *config_nearer(const char *written, const char *candidate, const char *best, size_t *distance)
{
	size_t d = distance_between(written, candidate);
	if (d >= *distance || d >= strlen(candidate))
		return best;
	*distance = d;
	return candidate;
}
