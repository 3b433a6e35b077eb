/* What the cluster wants each member to do: active ones serve, standby ones where no active one is left, draining ones finish what they
 * have. */
#pragma once
#include "wire/duty.h"
#include <stdint.h>

struct node;

/* The duty that the cluster gave to the node of this id. It is filed under the id, which is never another node's: whoever is removed leaves
 * no duty to a successor of the same name. */
Craton__Duty duty_of(struct node *node, uint64_t id);
