/* Texts as PKCS#11 has them: padded with blanks, without an end. */
#pragma once
#include <stddef.h>

/* Cut to `size` bytes, at the beginning of a UTF-8 character. */
void text_pad(unsigned char *field, size_t size, const char *text);
#define PAD(field, text) text_pad(field, sizeof(field), text)
/* The other way: without trailing blanks. `out` has size + 1 bytes. */
void text_trim(const unsigned char *field, size_t size, char *out);
