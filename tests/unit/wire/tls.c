/* Two sides that talk: who each is, and who is not let in. */
#include "wire/tls.h"
#include "tests/check.h"
#include "tests/support/certificates.h"
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct test_authority *authority;
static struct complaint complaint;
static const struct identity node_a = { IDENTITY_NODE, "a" };

static void there_is_an_authority(void)
{
	authority = test_authority_create();
	test_authority_issue_identity(authority, "a", &node_a);
}

static void the_authority_goes(void)
{
	test_authority_destroy(authority);
}

struct side {
	struct tls *tls;
	bool is_server;
	int fd;
	const struct identity *expected;
	enum err err;
	SSL *ssl;
	struct identity peer;
};

static void *shake(void *at)
{
	struct side *side = at;
	side->err = tls_handshake(side->tls, side->is_server, side->fd, side->expected, deadline_in(10000), &side->ssl, &side->peer);
	if (side->err != ERR_OK)
		shutdown(side->fd, SHUT_RDWR); /* as whoever owned the socket would */
	return NULL;
}

static void meet(struct side *client, struct side *server)
{
	int fds[2];
	pthread_t thread;
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	client->fd = fds[0];
	server->fd = fds[1];
	server->is_server = true;
	client->ssl = server->ssl = NULL;
	pthread_create(&thread, NULL, shake, server);
	shake(client);
	pthread_join(thread, NULL);
}

static void part(struct side *client, struct side *server)
{
	tls_close(client->ssl);
	tls_close(server->ssl);
	close(client->fd);
	close(server->fd);
}

static enum err read_once(struct side *side, void *data, size_t size, size_t *done)
{
	short events = 0;
	enum err err;
	while ((err = tls_read(side->ssl, data, size, done, &events)) == ERR_OK && !*done)
		poll(&(struct pollfd){ .fd = side->fd, .events = events }, 1, 10000);
	return err;
}

static void both_learn_who_the_other_is(void)
{
	struct side client = { .tls = test_authority_tls(authority, IDENTITY_CLIENT, "web"), .expected = &node_a };
	struct side server = { .tls = test_authority_tls(authority, IDENTITY_NODE, "a") };
	char got[16];
	size_t done = 0;
	short events;
	meet(&client, &server);
	CU_ASSERT_FATAL(client.err == ERR_OK && server.err == ERR_OK);
	CU_ASSERT(server.peer.kind == IDENTITY_CLIENT && !strcmp(server.peer.name, "web"));
	CU_ASSERT(client.peer.kind == IDENTITY_NODE && !strcmp(client.peer.name, "a"));
	CU_ASSERT_STRING_EQUAL(SSL_get_version(client.ssl), "TLSv1.3");
	CU_ASSERT_EQUAL(SSL_get_fd(client.ssl), client.fd);
	CU_ASSERT_EQUAL(tls_write(client.ssl, "hello", 5, &done, &events), ERR_OK);
	CU_ASSERT_EQUAL(read_once(&server, got, sizeof got, &done), ERR_OK);
	CU_ASSERT(done == 5 && !memcmp(got, "hello", 5));
	part(&client, &server);
	tls_destroy(client.tls);
	tls_destroy(server.tls);
}

static void a_node_of_another_name_is_not_the_one_we_meant(void)
{
	struct identity node_b = { IDENTITY_NODE, "b" };
	struct side client = { .tls = test_authority_tls(authority, IDENTITY_CLIENT, "web"), .expected = &node_b };
	struct side server = { .tls = test_authority_tls(authority, IDENTITY_NODE, "a") };
	meet(&client, &server);
	CU_ASSERT_EQUAL(client.err, ERR_REFUSED);
	part(&client, &server);
	client.expected = &(struct identity){ IDENTITY_CLIENT, "a" };
	meet(&client, &server);
	CU_ASSERT_EQUAL(client.err, ERR_REFUSED);
	part(&client, &server);
	tls_destroy(client.tls);
	tls_destroy(server.tls);
}

static void strangers_are_refused_by_both_sides(void)
{
	struct test_authority *theirs = test_authority_create();
	struct side client = { .tls = test_authority_tls(theirs, IDENTITY_CLIENT, "web") };
	struct side server = { .tls = test_authority_tls(authority, IDENTITY_NODE, "a") };
	meet(&client, &server);
	CU_ASSERT(client.err == ERR_REFUSED && server.err != ERR_OK);
	part(&client, &server);
	tls_destroy(client.tls);
	tls_destroy(server.tls);
	test_authority_destroy(theirs);
}

/* In TLS 1.3 a client is done before the server has judged its certificate: it hears at the first read. */
static void a_client_of_another_authority_hears_that_it_is_not_welcome(void)
{
	struct test_authority *theirs = test_authority_create();
	struct tls *mixed = NULL;
	struct identity web = { IDENTITY_CLIENT, "web" };
	char bundle[512], got[16];
	size_t done;
	test_authority_issue_identity(theirs, "web", &web);
	/* The client trusts both authorities; the server only its own. */
	snprintf(bundle, sizeof bundle, "cat %s %s > %s", test_authority_file(authority, "authority", "crt"),
	         test_authority_file(theirs, "authority", "crt"), test_authority_file(theirs, "both", "crt"));
	CU_ASSERT_EQUAL_FATAL(system(bundle), 0);
	CU_ASSERT_EQUAL_FATAL(tls_create(test_authority_file(theirs, "both", "crt"), test_authority_file(theirs, "web", "crt"),
	                                 test_authority_file(theirs, "web", "key"), NULL, &mixed, &complaint), ERR_OK);
	struct side client = { .tls = mixed };
	struct side server = { .tls = test_authority_tls(authority, IDENTITY_NODE, "a") };
	meet(&client, &server);
	CU_ASSERT_EQUAL(server.err, ERR_REFUSED);
	CU_ASSERT_EQUAL_FATAL(client.err, ERR_OK);
	CU_ASSERT_EQUAL(read_once(&client, got, sizeof got, &done), ERR_REFUSED);
	part(&client, &server);
	tls_destroy(mixed);
	tls_destroy(server.tls);
	test_authority_destroy(theirs);
}

/* A client with OpenSSL alone, which checks nothing. This process's OPENSSL_CONF may be odd: it says everything itself. */
static SSL_CTX *plain_client(const char *certificate, int version)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_max_proto_version(context, version);
	SSL_CTX_set1_sigalgs_list(context, "ECDSA+SHA256");
	SSL_CTX_set1_client_sigalgs_list(context, "ECDSA+SHA256");
	SSL_CTX_set1_groups_list(context, "P-256");
	SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384");
	if (certificate) {
		SSL_CTX_use_certificate_file(context, test_authority_file(authority, certificate, "crt"), SSL_FILETYPE_PEM);
		SSL_CTX_use_PrivateKey_file(context, test_authority_file(authority, certificate, "key"), SSL_FILETYPE_PEM);
	}
	return context;
}

static void a_certificate_that_says_two_names_is_nobody(void)
{
	struct side server = { .tls = test_authority_tls(authority, IDENTITY_NODE, "a") };
	test_authority_issue(authority, "two-names", &(struct test_certificate){ .uris = { "craton:client:a", "craton:admin:a" } });
	SSL_CTX *context = plain_client("two-names", TLS1_3_VERSION);
	int fds[2];
	pthread_t thread;
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	server.fd = fds[1];
	server.is_server = true;
	pthread_create(&thread, NULL, shake, &server);
	SSL *ssl = SSL_new(context);
	SSL_set_fd(ssl, fds[0]);
	CU_ASSERT_EQUAL(SSL_connect(ssl), 1);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(server.err, ERR_REFUSED);
	SSL_free(ssl);
	SSL_CTX_free(context);
	close(fds[0]);
	close(fds[1]);
	tls_destroy(server.tls);
}

/* With OpenSSL alone: what does our server say to this client? */
static enum err greeted_by(int version, bool with_certificate)
{
	struct side server = { .tls = test_authority_tls(authority, IDENTITY_NODE, "a"), .is_server = true };
	SSL_CTX *context = plain_client(with_certificate ? "a" : NULL, version);
	int fds[2];
	pthread_t thread;
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	server.fd = fds[1];
	pthread_create(&thread, NULL, shake, &server);
	SSL *ssl = SSL_new(context);
	SSL_set_fd(ssl, fds[0]);
	SSL_connect(ssl);
	pthread_join(thread, NULL);
	SSL_free(ssl);
	SSL_CTX_free(context);
	tls_close(server.ssl);
	close(fds[0]);
	close(fds[1]);
	tls_destroy(server.tls);
	return server.err;
}

static void nothing_below_1_3_and_nobody_without_a_certificate(void)
{
	signal(SIGPIPE, SIG_IGN); /* of this test's own OpenSSL client */
	CU_ASSERT_EQUAL(greeted_by(TLS1_2_VERSION, true), ERR_REFUSED);
	CU_ASSERT_EQUAL(greeted_by(TLS1_3_VERSION, false), ERR_REFUSED);
	CU_ASSERT_EQUAL(greeted_by(TLS1_3_VERSION, true), ERR_OK);
	signal(SIGPIPE, SIG_DFL);
}

static void garbage_is_refused_and_silence_times_out(void)
{
	struct tls *tls = test_authority_tls(authority, IDENTITY_NODE, "a");
	struct identity peer;
	SSL *ssl;
	int fds[2];
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	CU_ASSERT_EQUAL(tls_handshake(tls, true, fds[0], NULL, deadline_in(50), &ssl, &peer), ERR_TIMEOUT);
	CU_ASSERT_EQUAL(write(fds[1], "GET / HTTP/1.1\r\n\r\n", 18), 18);
	CU_ASSERT_EQUAL(tls_handshake(tls, true, fds[0], NULL, deadline_in(10000), &ssl, &peer), ERR_REFUSED);
	close(fds[0]);
	close(fds[1]);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	close(fds[1]);
	CU_ASSERT_EQUAL(tls_handshake(tls, true, fds[0], NULL, deadline_in(10000), &ssl, &peer), ERR_CLOSED);
	close(fds[0]);
	tls_destroy(tls);
}

/* An application's own trouble with OpenSSL is neither mistaken for ours nor cleared away. */
static void the_threads_error_queue_is_left_alone(void)
{
	struct side client = { .tls = test_authority_tls(authority, IDENTITY_CLIENT, "web") };
	struct side server = { .tls = test_authority_tls(authority, IDENTITY_NODE, "a") };
	char got[4];
	size_t done;
	short events = 0;
	meet(&client, &server);
	CU_ASSERT_FATAL(client.err == ERR_OK && server.err == ERR_OK);
	ERR_clear_error();
	ERR_raise(ERR_LIB_USER, 77);
	CU_ASSERT_EQUAL(tls_read(client.ssl, got, 4, &done, &events), ERR_OK);
	CU_ASSERT(done == 0 && events == POLLIN);
	shutdown(server.fd, SHUT_RDWR);
	CU_ASSERT_EQUAL(tls_read(client.ssl, got, 4, &done, &events), ERR_CLOSED);
	CU_ASSERT_EQUAL(tls_write(client.ssl, "x", 1, &done, &events), ERR_CLOSED); /* and no SIGPIPE */
	CU_ASSERT_EQUAL(ERR_GET_REASON(ERR_get_error()), 77);
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
	part(&client, &server);
	tls_destroy(client.tls);
	tls_destroy(server.tls);
}

/* As when an authority is replaced while the node runs. */
static void what_was_read_anew_holds_for_the_next_connection(void)
{
	struct test_authority *next = test_authority_create();
	struct side client = { .tls = test_authority_tls(next, IDENTITY_CLIENT, "web") };
	struct side server = { .tls = test_authority_tls(authority, IDENTITY_NODE, "a") };
	test_authority_issue_identity(next, "a", &node_a);
	meet(&client, &server);
	CU_ASSERT_NOT_EQUAL(server.err, ERR_OK);
	part(&client, &server);
	CU_ASSERT_EQUAL(tls_reload(server.tls, test_authority_file(next, "authority", "crt"), "/nowhere", "/nowhere", &complaint), ERR_CONFIG);
	CU_ASSERT_EQUAL(tls_reload(server.tls, test_authority_file(next, "authority", "crt"), test_authority_file(next, "a", "crt"),
	                           test_authority_file(next, "a", "key"), &complaint), ERR_OK);
	struct tls *shown = server.tls, *asks = client.tls;
	client = (struct side){ .tls = asks };
	server = (struct side){ .tls = shown };
	meet(&client, &server);
	CU_ASSERT(client.err == ERR_OK && server.err == ERR_OK);
	part(&client, &server);
	tls_destroy(asks);
	tls_destroy(shown);
	test_authority_destroy(next);
}

TESTS("wire/tls", SAY(there_is_an_authority), SAY(both_learn_who_the_other_is), SAY(a_node_of_another_name_is_not_the_one_we_meant),
      SAY(strangers_are_refused_by_both_sides), SAY(a_client_of_another_authority_hears_that_it_is_not_welcome),
      SAY(a_certificate_that_says_two_names_is_nobody), SAY(nothing_below_1_3_and_nobody_without_a_certificate),
      SAY(garbage_is_refused_and_silence_times_out), SAY(the_threads_error_queue_is_left_alone),
      SAY(what_was_read_anew_holds_for_the_next_connection), SAY(the_authority_goes))
