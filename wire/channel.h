/* One connection that carries frames, over a Unix socket or TLS: blocking calls with
 * a deadline, one thread at a time on each side of it (one may send while another receives).
 *
 * A frame is u32 size (big endian; of the kind and the message), u8 kind, then the message.
 * No SIGPIPE, close-on-exec. Errors of every call: ERR_CLOSED, ERR_TIMEOUT, ERR_REFUSED (TLS), ERR_NO_MEMORY;
 * after one of them in the middle of a frame there is nothing to do but close. */
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "wire/address.h"
#include "wire/tls.h"
#include <protobuf-c/protobuf-c.h>

#define FRAME_SIZE_MAX (68u << 20)      /* bytes, once the peer is known */
#define FRAME_SIZE_MAX_EARLY (64u << 10) /* before Hello is answered */

enum frame_kind { FRAME_REQUEST = 1, FRAME_REPLY = 2, FRAME_HEARTBEAT = 3 };

struct channel;
struct resolved;

/* `tls` may be NULL for a Unix address. `expected` as in tls_handshake; over a Unix socket the peer must
 * run as root, as ourselves, or as the owner of the socket's folder (SO_PEERCRED). */
enum err channel_connect(const struct address *address, struct tls *tls,
                         const struct identity *expected, deadline_ms deadline,
                         struct channel **out);
/* An accepted socket: the handshake if `tls`, the peer's uid if not. Takes the fd in any case. */
enum err channel_accept(int fd, struct tls *tls, deadline_ms deadline, struct channel **out);
void channel_close(struct channel *channel); /* accepts NULL */
/* From any thread: whoever waits on it, also to be connected, gets ERR_CLOSED. The channel must still be closed. */
void channel_interrupt(struct channel *channel);

const struct identity *channel_peer(const struct channel *channel);
int channel_fd(const struct channel *channel);
/* Nothing unread, and the other side has not hung up: for a pool that is about to reuse it. Receiver's side. */
bool channel_is_idle(struct channel *channel);

/* One frame; message bytes as given. ERR_TOO_BIG (nothing sent) beyond FRAME_SIZE_MAX. May be called while another thread receives; senders exclude each
 * other inside (a heartbeat and a reply never mix). */
enum err channel_send(struct channel *channel, enum frame_kind kind, const void *data, size_t size,
                      deadline_ms deadline);
/* The same, packed straight into the channel's own buffer. */
enum err channel_send_message(struct channel *channel, enum frame_kind kind, const ProtobufCMessage *message,
                              deadline_ms deadline);
/* Waits for one frame of at most size_max bytes into `out` (reset first). The deadline covers the wait for
 * the first byte (`idle`), and from then on the rest must come within `rest_ms`. ERR_MALFORMED for a frame that
 * is none, ERR_TOO_BIG for one that says it is longer than size_max, before memory is taken for it. Memory
 * grows with the bytes that came, not with the size that was announced. */
enum err channel_receive(struct channel *channel, enum frame_kind *kind, struct buf *out,
                         size_t size_max, deadline_ms idle, int64_t rest_ms);

/* The same without waiting, for one thread that has several channels in hand. Each does what can be done now: with ERR_OK and *events
 * not 0 the descriptor is to be polled for them before it is called again; 0: it is done. (TLS reads ahead: poll only after
 * that.) channel_interrupt ends a poll. */
enum err channel_dial(const struct address *address, const struct resolved *where, struct tls *tls, const struct identity *expected,
                      struct channel **out); /* where: of a host, copied; NULL: it is looked up, for as long as a name server takes */
enum err channel_dial_on(struct channel *channel, short *events);
enum err channel_put_message(struct channel *channel, enum frame_kind kind, const ProtobufCMessage *message); /* packed; sends nothing yet */
enum err channel_put(struct channel *channel, enum frame_kind kind, const void *data, size_t size);           /* the same, copied */
enum err channel_put_on(struct channel *channel, short *events);
bool channel_is_sending(const struct channel *channel); /* what was put has not all gone out */
enum err channel_receive_on(struct channel *channel, enum frame_kind *kind, struct buf *out, size_t size_max, short *events);

/* A buffer that lives with the channel, for whoever receives from it; wiped and, if large, given back by _done. */
struct buf *channel_scratch(struct channel *channel);
void channel_scratch_done(struct channel *channel);

/* Listening sockets: SO_REUSEADDR, close-on-exec, non-blocking; a Unix socket replaces a dead one and gets `mode`.
 * Accept with accept4(fd, ..., SOCK_CLOEXEC). ERR_CONFIG with a complaint. */
enum err address_listen(const struct address *address, unsigned mode, int *fd, struct complaint *complaint);
/* The same in two steps: the place is taken, then it opens. Until then whoever comes is turned away at once, not left waiting. */
enum err address_bind(const struct address *address, unsigned mode, int *fd, struct complaint *complaint);
enum err address_open(const struct address *address, int fd, struct complaint *complaint);
/* A connected non-blocking socket to it, made within the deadline (but for the time a name server takes). */
enum err address_connect(const struct address *address, deadline_ms deadline, int *fd);
