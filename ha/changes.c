#include "ha/changes.h"
#include "ha/group_inside.h"

static uint64_t changes_locked(const struct group *group)
{
	return 2 * group->total_losses - group->is_out;
}

uint64_t group_changes(struct group *group)
{
	pthread_mutex_lock(&group->lock);
	uint64_t changes = changes_locked(group);
	pthread_mutex_unlock(&group->lock);
	return changes;
}

void group_wait_for_change(struct group *group, uint64_t seen, deadline_ms until)
{
	pthread_mutex_lock(&group->lock);
	while (!group->stopping && changes_locked(group) == seen && !deadline_passed(until))
		group_wait_locked(group, until);
	pthread_mutex_unlock(&group->lock);
}
