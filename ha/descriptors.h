/* Which descriptors are ours, so that a forked child can let go of its parent's: closing them plainly disturbs
 * nobody, where ending the connections properly would hang up on the parent. No locks: the child finds things
 * as the fork left them. */
#pragma once

void descriptor_opened(int fd);
void descriptor_closing(int fd); /* before it is closed: another thread may get the number next */
/* In a child: closes all that were open in the parent when it forked. */
void descriptors_close_inherited(void);
