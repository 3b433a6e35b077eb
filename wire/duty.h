/* A member's duty in words, as people say it and the directory keeps it: active, standby, draining. */
#pragma once
#include "wire/craton.pb-c.h"
#include <stdbool.h>

const char *duty_name(Craton__Duty duty); /* NULL: none that we know */
bool duty_named(const char *name, Craton__Duty *out);
