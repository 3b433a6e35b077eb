#include "ha/group_inside.h"
#include "base/wait.h"
#include <assert.h>
#include <stdlib.h>

struct group_settings group_settings_of(const struct client_config *config, bool may_start_threads)
{
	return (struct group_settings){
		.slot = (uint32_t)config->slot,
		.command_ms = config->command_ms,
		.may_hedge = config->hedge_mode == HEDGE_AUTO,
		.hedge_least_ms = config->hedge_least_ms,
		.hedge_most_ms = config->hedge_most_ms,
		.recovery_retries = config->recovery_retries,
		.recovery_interval_ms = config->recovery_interval_ms,
		.recovery_wait_ms = config->recovery_wait_ms,
		.may_start_threads = may_start_threads,
	};
}

void group_set_slot(struct group *group, uint32_t slot)
{
	group->settings.slot = slot;
}

struct group *group_create(const struct group_settings *settings, struct member *const *members, size_t count)
{
	assert(count >= 1 && count <= MEMBERS_MAX);
	struct group *group = calloc(1, sizeof *group);
	for (size_t i = 0; i < count; i++) {
		if (!group)
			members[i]->ops->destroy(members[i]);
		else
			(group->members[i] = members[i])->number = (unsigned)i;
	}
	if (!group)
		return NULL;
	group->settings = *settings;
	group->count = count;
	group->hedge_credit = HEDGE_CREDIT_MAX;
	pthread_mutex_init(&group->lock, NULL);
	pthread_cond_init(&group->news, NULL);
	return group;
}

void group_stop(struct group *group)
{
	pthread_mutex_lock(&group->lock);
	group->stopping = true;
	bool had_thread = group->has_thread;
	group->has_thread = false;
	pthread_cond_broadcast(&group->news);
	pthread_mutex_unlock(&group->lock);
	for (size_t i = 0; i < group->count; i++)
		group->members[i]->ops->interrupt(group->members[i]);
	if (had_thread)
		recovery_end(group);
}

void group_destroy(struct group *group)
{
	if (!group)
		return;
	group_stop(group);
	for (size_t i = 0; i < group->count; i++)
		group->members[i]->ops->destroy(group->members[i]);
	pthread_cond_destroy(&group->news);
	pthread_mutex_destroy(&group->lock);
	free(group);
}

void group_wait_locked(struct group *group, int64_t until_ms)
{
	wait_until(&group->news, &group->lock, until_ms);
}

/* One that others may be about to change. */
static uint64_t number_of(struct group *group, const uint64_t *number)
{
	pthread_mutex_lock(&group->lock);
	uint64_t now = *number;
	pthread_mutex_unlock(&group->lock);
	return now;
}

uint64_t group_index_seen(struct group *group)
{
	return number_of(group, &group->index_seen);
}

uint64_t group_total_losses(struct group *group)
{
	return number_of(group, &group->total_losses);
}

bool group_is_stopping(struct group *group)
{
	pthread_mutex_lock(&group->lock);
	bool stopping = group->stopping;
	pthread_mutex_unlock(&group->lock);
	return stopping;
}
