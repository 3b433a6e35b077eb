/* The labels of all objects that a run has tried to make, in a file that its client processes share in memory, so that they
 * find, use and destroy each other's objects, and that the last reading looks for every one of them. It is a list of where to look,
 * no more: what became of an object, the histories tell. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define BOARD_LABEL_SIZE 56
#define BOARD_ENTRIES_MAX (1u << 18)

enum kind { KIND_NONE, KIND_RSA, KIND_P256, KIND_P384, KIND_AES, KIND_AES_MADE, KIND_DATA };

struct board_entry {
	_Atomic uint32_t kind; /* KIND_NONE: nobody has finished writing it */
	_Atomic uint32_t is_destroyed; /* someone was told so (board_note_destroyed) */
	char label[BOARD_LABEL_SIZE];
};

/* False, and a line on stderr, if the file cannot be mapped. */
bool board_open(const char *file);
uint32_t board_count(void); /* entries begun; some may be KIND_NONE for good */
/* NULL: full. The label is cut if it is too long. */
struct board_entry *board_add(enum kind kind, const char *label);
struct board_entry *board_entry(uint32_t number);
uint32_t board_number(const struct board_entry *entry);
/* Someone was told so. */
void board_note_destroyed(struct board_entry *entry);
/* The one destroyed last, or `before` earlier; NULL: there is none, or it is forgotten. */
struct board_entry *board_destroyed(uint32_t before);
#define BOARD_DESTROYED_MAX 16u /* so many are remembered */
/* False for an entry that is its owner's alone: of a session object. */
bool board_holds(const struct board_entry *entry);
/* Made before the faults began, and never destroyed. */
bool board_is_standing(const struct board_entry *entry);
