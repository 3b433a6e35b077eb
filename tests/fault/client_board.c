#include "tests/fault/client_board.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
	_Atomic uint32_t count, destroyed_count;
	_Atomic uint32_t destroyed[BOARD_DESTROYED_MAX]; /* numbers, the newest at (destroyed_count - 1) % BOARD_DESTROYED_MAX */
	struct board_entry entries[BOARD_ENTRIES_MAX];
} *board;

bool board_open(const char *file)
{
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *memory = fd >= 0 && ftruncate(fd, sizeof *board) == 0
		? mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (memory == MAP_FAILED)
		perror(file);
	else
		board = memory;
	if (fd >= 0)
		close(fd);
	return memory != MAP_FAILED;
}

uint32_t board_count(void)
{
	uint32_t count = atomic_load(&board->count);
	return count < BOARD_ENTRIES_MAX ? count : BOARD_ENTRIES_MAX;
}

struct board_entry *board_add(enum kind kind, const char *label)
{
	uint32_t number = atomic_fetch_add(&board->count, 1);
	if (number >= BOARD_ENTRIES_MAX)
		return NULL;
	struct board_entry *entry = &board->entries[number];
	snprintf(entry->label, sizeof entry->label, "%s", label);
	atomic_store(&entry->kind, kind);
	return entry;
}

struct board_entry *board_entry(uint32_t number)
{
	return &board->entries[number];
}

uint32_t board_number(const struct board_entry *entry)
{
	return (uint32_t)(entry - board->entries);
}

void board_note_destroyed(struct board_entry *entry)
{
	atomic_store(&entry->is_destroyed, 1);
	board->destroyed[atomic_fetch_add(&board->destroyed_count, 1) % BOARD_DESTROYED_MAX] = board_number(entry);
}

struct board_entry *board_destroyed(uint32_t before)
{
	uint32_t count = board->destroyed_count;
	if (before >= count || before >= BOARD_DESTROYED_MAX)
		return NULL;
	return board_entry(board->destroyed[(count - 1 - before) % BOARD_DESTROYED_MAX]);
}

bool board_holds(const struct board_entry *entry)
{
	return entry >= board->entries && entry < board->entries + BOARD_ENTRIES_MAX;
}

bool board_is_standing(const struct board_entry *entry)
{
	return strncmp(entry->label, "standing-", 9) == 0;
}
