/* What this process has, so that a test can say that nothing was left. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

size_t files_open(void);
size_t threads_alive(void);
/* No more than so many, if need be after a moment: one that was joined is still counted until the kernel is done with it. */
bool threads_settle_at(size_t count);
/* How many there are beside the one that asks. */
size_t threads_beside(void);
/* Until each of them waits for something: whoever forks then leaves nobody in the middle of something in the child, if none of them is
 * woken by anybody but itself. */
void threads_rest(void);
/* What a process or thread does, by its "stat" (proc(5)): 'S', it waits; 'T', it is stopped. 0: it is gone. */
char task_state(const char *path);
