/* How a member's status is shown, by `craton status` and `craton dev status` alike. */
#pragma once
#include "cli/ask.h"
#include "cli/print.h"

#define STATUS_TITLES "ROLE STATE DUTY CONTACT TERM APPLIED COMMITTED LAST OBJECTS"
#define STATUS_COLUMNS 9
void status_add_cells(struct table *table, const struct member_status *status);
/* What an operator should do soon, a line each. */
void status_print_warnings(FILE *out, const struct member_status *statuses, size_t count);
/* The members of a JSON object, after a comma. */
void status_add_json(FILE *out, const struct member_status *status);
