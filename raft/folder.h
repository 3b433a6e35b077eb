/* A node's state folder: whose it is, that nobody else uses it, and whether it has been lived in.
 *
 * The file `state` says which node of which cluster the folder belongs to and whether everything else
 * in it has been made. Once it says so, a missing file is damage and never a fresh start. `lock` is held for the life
 * of the process. */
#pragma once
#include "base/err.h"
#include "base/id.h"
#include "base/secret.h"
#include <stdbool.h>
#include <stdint.h>

struct folder {
	char *path;
	int lock;
	bool is_fresh;           /* nothing has been promised from here yet: files are to be made anew */
	struct id incarnation;   /* random, made with the folder: a node that lost its disk is not the one it was */
};

/* Makes the folder (0700) if need be and locks it. ERR_BUSY names the process that has it;
 * ERR_CONFIG: it is another node's or another cluster's (`secret` differs); ERR_DAMAGED: it has been lived in and `state` is
 * gone or unreadable; ERR_IO. */
enum err folder_open(const char *path, uint64_t node, const struct secret *secret, struct folder *out,
                     struct complaint *complaint);
/* Everything has been made and is durable: from now on it must be there. */
enum err folder_settle(struct folder *folder, uint64_t node, const struct secret *secret,
                       struct complaint *complaint);
void folder_close(struct folder *folder); /* unlocks */

/* "… : what is wrong. <what to do>": the one sentence for any damage in a state folder. */
enum err complain_of_damage(struct complaint *complaint, const char *file, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
