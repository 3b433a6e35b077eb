/* The two halves of the probe: which keys and mechanisms (probe.c), and one key with one mechanism (probe_use.c). */
#pragma once
#include "backend/probe.h"
#include "backend/trial.h"

/* What the slot can do with a key by itself. */
#define PROBE_USES                                                                                                \
	(CKF_SIGN | CKF_VERIFY | CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER | CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | \
	 CKF_UNWRAP | CKF_DERIVE)

/* Which of these uses work with this key and come to the right result. Both of a pair or neither: what one member signs another must
 * verify; but a token may wrap without unwrapping, where it says so itself. *in_doubt is set where one of them failed in a doubtful way. */
CK_FLAGS probe_use(struct domain *domain, const struct sample *sample, CK_MECHANISM_TYPE type, CK_FLAGS uses, bool *in_doubt);
