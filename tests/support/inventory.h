/* What this process has, so that a test can say that nothing was left. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

size_t files_open(void);
size_t threads_alive(void);
/* No more than so many, if need be after a moment: one that was joined is still counted until the kernel is done with it. */
bool threads_settle_at(size_t count);
