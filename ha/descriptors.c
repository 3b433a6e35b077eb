#include "ha/descriptors.h"
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#define FD_COUNT 65536 /* what lies beyond stays open in a child until it ends: nothing worse */
#define BITS 64

static _Atomic uint64_t ours[FD_COUNT / BITS];

static uint64_t bit_of(int fd)
{
	return (uint64_t)1 << (fd % BITS);
}

void descriptor_opened(int fd)
{
	if (fd >= 0 && fd < FD_COUNT)
		atomic_fetch_or(&ours[fd / BITS], bit_of(fd));
}

void descriptor_closing(int fd)
{
	if (fd >= 0 && fd < FD_COUNT)
		atomic_fetch_and(&ours[fd / BITS], ~bit_of(fd));
}

void descriptors_close_inherited(void)
{
	for (int fd = 0; fd < FD_COUNT; fd++)
		if (atomic_load(&ours[fd / BITS]) & bit_of(fd))
			close(fd);
	for (int i = 0; i < FD_COUNT / BITS; i++)
		atomic_store(&ours[i], 0);
}
