/* What an asker brings along: a name that its slot must allow, and a ticket. Judged with every request; what was found is
 * remembered with the connection for as long as the directory has not changed. */
#pragma once
#include "node/question.h"

/* May this client see the slot it names? If not the reply says what it says of a slot that does not exist. */
bool credentials_slot(struct question *question);
/* No ticket, or a good one: then question->asker and question->ticket are set. `voids`: when done, the request makes its own
 * ticket void, so that its retry comes with one. false: FAULT_TICKET. */
bool credentials_ticket(struct question *question, bool voids);
/* Counted, and told once per connection and not more often than once a second: what an honest client does not do. */
void credentials_refused(struct question *question, const char *reason);
