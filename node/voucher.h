/* A node's word: signatures by TLS keys, and certificates of the cluster's nodes. */
#pragma once
#include "base/buf.h"
#include "base/digest.h"
#include "node/enrolment.h"
#include "wire/tls.h"

/* Our certificate, DER, added to `out`. */
enum err voucher_certificate(const struct voucher *voucher, struct buf *out);
/* Signature over the parts' concatenation, added to `out`. */
enum err voucher_sign(const struct voucher *voucher, const struct bytes *parts, size_t count, struct buf *out);
/* ERR_REFUSED with the reason: not issued by our authority, not a node's, or not its signature. */
enum err voucher_check(const struct voucher *voucher, const struct bytes *certificate, const struct bytes *signature,
                       const struct bytes *parts, size_t count, struct identity *who, struct complaint *complaint);
