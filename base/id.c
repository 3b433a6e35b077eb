#include "base/id.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void random_bytes(void *data, size_t size)
{
	uint8_t *at = data;
	while (size) {
		ssize_t got = getrandom(at, size, 0);
		if (got < 0 && errno != EINTR)
			abort(); /* without randomness nothing we promise holds */
		if (got > 0) {
			at += got;
			size -= (size_t)got;
		}
	}
}

struct id id_random(void)
{
	struct id id;
	random_bytes(id.bytes, sizeof id.bytes);
	return id;
}

bool id_equal(const struct id *a, const struct id *b)
{
	return memcmp(a->bytes, b->bytes, ID_SIZE) == 0;
}

bool id_is_zero(const struct id *id)
{
	return id_equal(id, &(struct id){ 0 });
}

bool id_from_bytes(struct id *id, const void *data, size_t size)
{
	if (size != ID_SIZE || !data)
		return false;
	memcpy(id->bytes, data, ID_SIZE);
	return true;
}

static const char digits[] = "0123456789abcdef";

void id_text(const struct id *id, char text[ID_TEXT_SIZE])
{
	for (size_t i = 0; i < ID_SIZE; i++) {
		text[2 * i] = digits[id->bytes[i] >> 4];
		text[2 * i + 1] = digits[id->bytes[i] & 15];
	}
	text[2 * ID_SIZE] = '\0';
}

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'F')
		c = (char)(c - 'A' + 'a');
	const char *at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

bool id_parse(struct id *id, const char *text)
{
	if (strlen(text) != 2 * ID_SIZE)
		return false;
	struct id parsed;
	for (size_t i = 0; i < ID_SIZE; i++) {
		int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		parsed.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*id = parsed;
	return true;
}
