#include "node/seldom.h"
#include "base/clock.h"

#define BETWEEN_MS 1000

bool seldom_may_tell(struct seldom *seldom, unsigned *untold)
{
	int64_t now = clock_ms(), before = atomic_load(&seldom->told_ms);
	if ((before && now - before < BETWEEN_MS) || !atomic_compare_exchange_strong(&seldom->told_ms, &before, now)) {
		atomic_fetch_add(&seldom->untold, 1);
		return false;
	}
	*untold = atomic_exchange(&seldom->untold, 0);
	return true;
}
