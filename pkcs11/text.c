#include "pkcs11/text.h"
#include <string.h>

static int is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

void text_pad(unsigned char *field, size_t size, const char *text)
{
	size_t length = strnlen(text, size + 1);
	if (length > size)
		for (length = size; length && is_continuation(text[length]);)
			length--;
	memset(field, ' ', size);
	memcpy(field, text, length);
}

void text_trim(const unsigned char *field, size_t size, char *out)
{
	while (size && (field[size - 1] == ' ' || field[size - 1] == '\0'))
		size--;
	memcpy(out, field, size);
	out[size] = '\0';
}
