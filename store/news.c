#include "store/parts.h"
#include <stdlib.h>

static bool room_for_one(void **items, size_t count, size_t *capacity, size_t item_size)
{
	if (count < *capacity)
		return true;
	size_t more = *capacity ? *capacity * 2 : 16;
	void *grown = reallocarray(*items, more, item_size);
	if (!grown)
		return false;
	*items = grown;
	*capacity = more;
	return true;
}

enum err news_gone(struct news *news, const struct id *id)
{
	if (!room_for_one((void **)&news->gone, news->gone_count, &news->gone_capacity, sizeof *news->gone))
		return ERR_NO_MEMORY;
	news->gone[news->gone_count++] = *id;
	return ERR_OK;
}

enum err news_reset(struct news *news, uint32_t slot)
{
	if (!room_for_one((void **)&news->reset, news->reset_count, &news->reset_capacity, sizeof *news->reset))
		return ERR_NO_MEMORY;
	news->reset[news->reset_count++] = slot;
	return ERR_OK;
}

void news_tell(struct news *news, const struct directory_watch *watch)
{
	for (size_t i = 0; watch->slot_reset && i < news->reset_count; i++)
		watch->slot_reset(watch->context, news->reset[i]);
	for (size_t i = 0; watch->object_gone && i < news->gone_count; i++)
		watch->object_gone(watch->context, &news->gone[i]);
	if (watch->setting_changed && news->has_setting)
		watch->setting_changed(watch->context);
	news->has_setting = false;
	news->gone_count = 0;
	news->reset_count = 0;
}

void news_finish(struct news *news)
{
	free(news->gone);
	free(news->reset);
	*news = (struct news){ 0 };
}
