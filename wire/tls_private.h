/* What tls.c (files and checks) and tls_stream.c (bytes) share. */
#pragma once
#include "wire/tls.h"
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <pthread.h>

struct tls {
	pthread_mutex_t lock;  /* guards */
	SSL_CTX *context;
	X509 *issuer;          /* of those that vouch for our certificate, the one that ends first */
	BIO_METHOD *method;
	struct identity self;
};

/* A socket as OpenSSL's own, but without SIGPIPE and without ever waiting; BIO_meth_free. */
BIO_METHOD *tls_bio_method(void);
