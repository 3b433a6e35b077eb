#include "ha/descriptors.h"
#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#define FD_COUNT 8192 /* what lies beyond stays open in a child until it ends: nothing worse */

/* Each socket's inode, 0 for none. A child may have closed everything and opened files of its own
 * under the same numbers: those are not ours to close. */
static _Atomic uint64_t ours[FD_COUNT];

static uint64_t inode_of(int fd)
{
	struct stat status;
	return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) ? (uint64_t)status.st_ino : 0;
}

void descriptor_opened(int fd)
{
	if (fd >= 0 && fd < FD_COUNT)
		atomic_store(&ours[fd], inode_of(fd));
}

void descriptor_closing(int fd)
{
	if (fd >= 0 && fd < FD_COUNT)
		atomic_store(&ours[fd], 0);
}

void descriptors_close_inherited(void)
{
	for (int fd = 0; fd < FD_COUNT; fd++) {
		uint64_t inode = atomic_exchange(&ours[fd], 0);
		if (inode && inode == inode_of(fd))
			close(fd);
	}
}
