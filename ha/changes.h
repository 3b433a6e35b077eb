/* When the last member was lost, and when one was there again: what C_WaitForSlotEvent waits for. */
#pragma once
#include "ha/group.h"

/* Counts on with every such change; even while a member is there, odd while none is. */
uint64_t group_changes(struct group *group);
/* Until the count is not `seen`, the group is to stop, or `until`. */
void group_wait_for_change(struct group *group, uint64_t seen, deadline_ms until);
