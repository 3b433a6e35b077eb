/* A pool of read-only connections, each borrowed for one question. */
#pragma once
#include "store/database.h"

struct readers;
/* Opened as they are needed, up to count_max; beyond it borrowers wait for one to come back. */
struct readers *readers_create(const char *path, size_t count_max); /* NULL without memory */
void readers_destroy(struct readers *readers);
enum err readers_borrow(struct readers *readers, struct database **out);
void readers_return(struct readers *readers, struct database *database); /* accepts NULL */
