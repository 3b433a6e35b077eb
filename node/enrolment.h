/* The two messages of an enrolment, from memory to text and back, each signed by a node of the cluster. */
#pragma once
#include "base/buf.h"
#include "base/digest.h"
#include "node/config.h"

#define ENROLMENT_TEXT_MAX (64u << 10) /* bytes of one message's text */

/* This node's TLS key and certificate, and the authority that both sides' certificates must be issued by. */
struct voucher;
enum err voucher_open(const struct node_config *config, struct voucher **out, struct complaint *complaint);
void voucher_close(struct voucher *voucher); /* accepts NULL */

/* The operators compare this by eye: 64 hex digits in groups. */
#define FINGERPRINT_SIZE 80
void fingerprint(const void *data, size_t size, char text[FINGERPRINT_SIZE]);

/* -----BEGIN CRATON ENROLMENT REQUEST----- …, added to `out`. */
enum err enrolment_request_write(const struct voucher *voucher, const struct bytes *transport_key, struct buf *out,
                                 struct complaint *complaint);
/* Who asks (a node of the cluster, by certificate and signature) and the transport key, added to the buf. */
enum err enrolment_request_read(const struct voucher *voucher, const void *text, size_t size, struct identity *who,
                                struct buf *transport_key, struct complaint *complaint);
enum err enrolment_answer_write(const struct voucher *voucher, const struct bytes *transport_key,
                                const struct bytes *wrapped, struct buf *out, struct complaint *complaint);
/* Only an answer to this very transport key. */
enum err enrolment_answer_read(const struct voucher *voucher, const void *text, size_t size,
                               const struct bytes *transport_key, struct identity *who, struct buf *wrapped,
                               struct complaint *complaint);
