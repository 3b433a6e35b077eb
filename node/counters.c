#include "node/counters.h"

const char *counter_name(enum counter counter)
{
	static const char *const names[] = {
#define X(name, text) text,
		COUNTERS(X)
#undef X
	};
	return names[counter];
}
