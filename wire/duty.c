#include "wire/duty.h"
#include <stddef.h>
#include <string.h>

static const char *const duties[] = {
	[CRATON__DUTY__DUTY_ACTIVE] = "active",
	[CRATON__DUTY__DUTY_STANDBY] = "standby",
	[CRATON__DUTY__DUTY_DRAINING] = "draining",
};

const char *duty_name(Craton__Duty duty)
{
	return (size_t)duty < sizeof duties / sizeof *duties ? duties[duty] : NULL;
}

bool duty_named(const char *name, Craton__Duty *out)
{
	for (size_t i = 0; i < sizeof duties / sizeof *duties; i++) {
		if (strcmp(duties[i], name) != 0)
			continue;
		*out = (Craton__Duty)i;
		return true;
	}
	return false;
}
