#include "base/err.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

const char *err_name(enum err err)
{
	static const char *const names[] = {
		[ERR_OK] = "ok",
		[ERR_CLOSED] = "closed",
		[ERR_TIMEOUT] = "timeout",
		[ERR_MALFORMED] = "malformed",
		[ERR_REFUSED] = "refused",
		[ERR_TOO_BIG] = "too-big",
		[ERR_NO_MEMORY] = "no-memory",
		[ERR_NOT_FOUND] = "not-found",
		[ERR_NOT_LEADER] = "not-leader",
		[ERR_BEHIND] = "behind",
		[ERR_BUSY] = "busy",
		[ERR_DAMAGED] = "damaged",
		[ERR_IO] = "io",
		[ERR_CONFIG] = "config",
	};
	assert((size_t)err < sizeof names / sizeof *names);
	return names[err];
}

enum err complain(struct complaint *c, enum err err, const char *format, ...)
{
	if (!c)
		return err;
	va_list args;
	va_start(args, format);
	/* A line that is too long is cut: its beginning says what is wrong. */
	vsnprintf(c->text, sizeof c->text, format, args);
	va_end(args);
	/* One line, whatever a library's message quoted in it says. */
	for (char *at = c->text; *at; at++)
		if (*at == '\n' || *at == '\r')
			*at = ' ';
	return err;
}
