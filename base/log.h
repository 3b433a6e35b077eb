/* Lines for the operator at night: `level room: event in plain words key=value`.
 * One line per change of state. Never a key, a PIN or plaintext.
 *
 * A daemon logs to stderr (with a <N> priority prefix under systemd). The library
 * prints nothing unless CRATON_DEBUG is set: "stderr", or the name of a file to
 * append to. */
#pragma once

enum log_level { LOG_ERROR_LINE, LOG_WARN_LINE, LOG_INFO_LINE, LOG_DEBUG_LINE };

/* For a daemon or command: lines at or above `level` go to stderr. */
void log_to_stderr(enum log_level level);
/* For the library: as CRATON_DEBUG says. Safe to call again. */
void log_as_environment_says(void);

void log_line(enum log_level level, const char *room, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(room, ...) log_line(LOG_ERROR_LINE, room, __VA_ARGS__)
#define log_warn(room, ...)  log_line(LOG_WARN_LINE, room, __VA_ARGS__)
#define log_info(room, ...)  log_line(LOG_INFO_LINE, room, __VA_ARGS__)
#define log_debug(room, ...) log_line(LOG_DEBUG_LINE, room, __VA_ARGS__)
