/* Names of 16 random or derived bytes: objects, requests, clusters. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_SIZE 16
#define ID_TEXT_SIZE 33 /* 32 hex digits and NUL */

struct id {
	uint8_t bytes[ID_SIZE];
};

struct id id_random(void); /* from the kernel; aborts if it has none */
bool id_equal(const struct id *a, const struct id *b);
bool id_is_zero(const struct id *id);
/* false unless exactly ID_SIZE bytes. */
bool id_from_bytes(struct id *id, const void *data, size_t size);
void id_text(const struct id *id, char text[ID_TEXT_SIZE]);
bool id_parse(struct id *id, const char *text);
/* Fills `size` bytes from the kernel's generator; aborts if it has none. */
void random_bytes(void *data, size_t size);
