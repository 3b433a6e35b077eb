#include "wire/identity.h"
#include "wire/socket.h"
#include "wire/tls_private.h"
#include <limits.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdint.h>

/* The socket under the SSL */

static int bio_fd(BIO *bio)
{
	return (int)(intptr_t)BIO_get_data(bio);
}

static int bio_read(BIO *bio, char *data, size_t size, size_t *done)
{
	short events;
	BIO_clear_retry_flags(bio);
	enum err err = socket_read(bio_fd(bio), data, size, done, &events);
	if (err == ERR_OK && !*done)
		BIO_set_retry_read(bio);
	return *done > 0;
}

static int bio_write(BIO *bio, const char *data, size_t size, size_t *done)
{
	short events;
	BIO_clear_retry_flags(bio);
	enum err err = socket_write(bio_fd(bio), data, size, done, &events);
	if (err == ERR_OK && !*done)
		BIO_set_retry_write(bio);
	return *done > 0 ? 1 : -1; /* from 0 without a retry OpenSSL 3.2 and later conclude that all went well */
}

static long bio_ctrl(BIO *bio, int command, long number, void *out)
{
	(void)number;
	if (command == BIO_C_GET_FD) {
		if (out)
			*(int *)out = bio_fd(bio);
		return bio_fd(bio);
	}
	return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_bio_method(void)
{
	/* The type only says that there is a descriptor, for SSL_get_fd: a number of our own is one of 128 for
	 * the life of the process, used up each time the library is loaded anew. */
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOCKET, "craton socket");
	if (!method)
		return NULL;
	BIO_meth_set_read_ex(method, bio_read);
	BIO_meth_set_write_ex(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
	return method;
}

static SSL *stream_create(struct tls *tls, int fd)
{
	pthread_mutex_lock(&tls->lock);
	SSL *ssl = SSL_new(tls->context);
	pthread_mutex_unlock(&tls->lock);
	BIO *bio = ssl ? BIO_new(tls->method) : NULL;
	if (!bio) {
		SSL_free(ssl);
		return NULL;
	}
	BIO_set_data(bio, (void *)(intptr_t)fd);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	return ssl;
}

/* After a call that did nothing: what to wait for, or why not to. SSL_get_error would look into the thread's
 * error queue, where an application's own errors may lie. */
static enum err what_now(SSL *ssl, short *events)
{
	*events = 0;
	if (SSL_want_read(ssl) && BIO_should_read(SSL_get_rbio(ssl)))
		*events = POLLIN;
	else if (SSL_want_write(ssl) && BIO_should_write(SSL_get_wbio(ssl)))
		*events = POLLOUT;
	if (*events)
		return ERR_OK;
	unsigned long error = ERR_peek_last_error();
	/* An alert says what the peer thinks of us; beyond the end of the stream there is nothing to be said. */
	bool told = ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) > SSL_AD_REASON_OFFSET;
	return told ? ERR_REFUSED : ERR_CLOSED;
}

enum err tls_read(SSL *ssl, void *data, size_t size, size_t *done, short *events)
{
	ERR_set_mark();
	enum err err = ERR_OK;
	if (!SSL_read_ex(ssl, data, size, done)) {
		*done = 0;
		err = what_now(ssl, events);
	}
	ERR_pop_to_mark();
	return err;
}

enum err tls_write(SSL *ssl, const void *data, size_t size, size_t *done, short *events)
{
	ERR_set_mark();
	enum err err = ERR_OK;
	if (!SSL_write_ex(ssl, data, size, done)) {
		*done = 0;
		err = what_now(ssl, events);
	}
	ERR_pop_to_mark();
	return err;
}

void tls_close(SSL *ssl)
{
	if (!ssl)
		return;
	ERR_set_mark();
	SSL_shutdown(ssl);
	SSL_free(ssl);
	ERR_pop_to_mark();
}

/* The handshake */

static enum err judge(SSL *ssl, const struct identity *expected, struct identity *peer)
{
	X509 *certificate = SSL_get0_peer_certificate(ssl);
	if (!certificate || SSL_get_verify_result(ssl) != X509_V_OK || SSL_version(ssl) != TLS1_3_VERSION)
		return ERR_REFUSED;
	return identity_of_certificate(peer, certificate) && identity_is(peer, expected) ? ERR_OK : ERR_REFUSED;
}

enum err tls_start(struct tls *tls, bool is_server, int fd, SSL **out)
{
	ERR_set_mark();
	*out = stream_create(tls, fd);
	if (*out && is_server)
		SSL_set_accept_state(*out);
	else if (*out)
		SSL_set_connect_state(*out);
	ERR_pop_to_mark();
	return *out ? ERR_OK : ERR_NO_MEMORY;
}

enum err tls_shake(SSL *ssl, const struct identity *expected, struct identity *peer, short *events)
{
	*events = 0;
	ERR_set_mark();
	bool is_done = SSL_do_handshake(ssl) == 1;
	enum err err = is_done ? judge(ssl, expected, peer) : what_now(ssl, events);
	if (!is_done && err != ERR_OK &&
	    (SSL_get_verify_result(ssl) != X509_V_OK || ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_SSL))
		err = ERR_REFUSED; /* their certificate, or what they speak, is none of ours */
	ERR_pop_to_mark();
	return err;
}

enum err tls_handshake(struct tls *tls, bool is_server, int fd, const struct identity *expected,
                       deadline_ms deadline, SSL **out, struct identity *peer)
{
	SSL *ssl;
	short events = 0;
	enum err err = tls_start(tls, is_server, fd, &ssl);
	while (err == ERR_OK && (err = tls_shake(ssl, expected, peer, &events)) == ERR_OK && events)
		err = socket_wait(fd, events, deadline);
	if (err == ERR_OK)
		*out = ssl;
	else
		tls_close(ssl);
	return err;
}
