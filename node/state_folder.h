/* The folder that is a node's memory: held by one process at a time, and never mistaken for a new one. */
#pragma once
#include "base/err.h"
#include <stdbool.h>

struct state_folder;

/* Makes the folder (0700) if there is none, locks it, and clears what a write that was cut short has left there; the folder must be ours and nobody else's to write.
 * ERR_BUSY when another process has it, ERR_CONFIG, ERR_IO with a line that says what to do. */
enum err state_folder_lock(const char *path, struct state_folder **out, struct complaint *complaint);
void state_folder_unlock(struct state_folder *folder); /* accepts NULL */

/* Is this a node's first start here? The file `node` says whose folder it is and stands before anything was promised to
 * a peer, so where it stands the directory must stand too. What a first start left half-made is cleared. ERR_CONFIG: another
 * node's folder; ERR_DAMAGED: a log without the file. */
enum err state_folder_is_fresh(struct state_folder *folder, long long id, const char *name, bool *fresh,
                               struct complaint *complaint);
/* Writes the file `node`, once the directory has been made and before consensus starts. */
enum err state_folder_claim(struct state_folder *folder, long long id, const char *name, struct complaint *complaint);
