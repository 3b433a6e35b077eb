/* May this node speak for the cluster just now? Whoever is cut off from the majority does not hear of keys that are destroyed; the cluster's
 * settings say what it does then. */
#pragma once
#include "node/question.h"

/* To be asked before the directory or a loaded key is looked at: then nothing that was taken back before the question came is
 * found any more, as far as the settings promise. False: the fault is set. */
bool contact_may_answer(struct question *question);
