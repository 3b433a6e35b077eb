/* May this node speak for the cluster just now? Whoever is cut off from the majority does not hear of keys that are destroyed; the cluster's
 * settings say what it does then. */
#pragma once
#include "node/question.h"

/* To be asked before the directory or a loaded key is looked at: then nothing that was taken back before the question came is
 * found any more, as far as the settings promise. False: the fault is set. */
bool contact_may_answer(struct question *question);
/* Waits until this is applied here. False: FAULT_BEHIND is set. */
bool contact_reach(struct question *question, uint64_t index);
/* Whoever has waited in vain spares the next ones the wait, for as long as this node stays out of contact. */
bool contact_is_lost(struct node *node);
