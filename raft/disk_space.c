#include "raft/disk_space.h"
#include "base/clock.h"
#include "base/log.h"
#include <inttypes.h>
#include <sys/statvfs.h>

#define LOOK_EVERY_MS 5000

void disk_space_init(struct disk_space *space, const char *folder)
{
	*space = (struct disk_space){ .folder = folder };
}

void disk_space_watch(struct disk_space *space)
{
	struct statvfs about;
	int64_t now = clock_ms();
	if (now < space->next_look_ms)
		return;
	space->next_look_ms = now + LOOK_EVERY_MS;
	if (statvfs(space->folder, &about) != 0)
		return;
	uint64_t free_bytes = (uint64_t)about.f_bavail * about.f_frsize;
	bool is_low = free_bytes < DISK_SPACE_LOW;
	if (is_low && !space->is_low)
		log_warn("raft", "disk nearly full folder=%s free_mib=%" PRIu64 ": this node stops when it is",
		         space->folder, free_bytes >> 20);
	if (!is_low && space->is_low)
		log_info("raft", "disk has room again folder=%s free_mib=%" PRIu64, space->folder, free_bytes >> 20);
	space->is_low = is_low;
}
