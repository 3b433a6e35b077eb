/* Small files, whole. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

/* ERR_NOT_FOUND, ERR_TOO_BIG (beyond buf->size_max), ERR_IO. */
enum err file_read(const char *path, struct buf *out);
/* Written beside, fsynced, renamed over: a reader sees the old or the new whole. */
enum err file_write(const char *path, const void *data, size_t size, unsigned mode);
/* Removes what a file_write of this path left beside it when its process was killed; nobody writes it at the moment. */
void file_sweep(const char *path);
/* mkdir -p with `mode` for what is made. */
enum err file_make_folder(const char *path, unsigned mode);
/* `folder`/`name`, or `name` if it is absolute; free(). NULL without memory. */
char *file_path(const char *folder, const char *name);
