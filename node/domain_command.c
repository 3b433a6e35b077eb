#include "node/domain_command.h"
#include "backend/domain.h"
#include "node/daemon.h"
#include "node/enrolment.h"
#include "node/node.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* What the verbs share: the node's own token and its good name, and nobody else at work on them. */
struct ceremony {
	const struct node_config *config;
	const char *so_pin_file;
	struct state_folder *folder;
	struct secret *pin, *so_pin;
	struct tls *tls;
	struct voucher *voucher;
	struct token_config token;
	struct complaint complaint;
};

static enum err begin(struct ceremony *ceremony)
{
	const struct node_config *config = ceremony->config;
	enum err err = state_folder_lock(config->state_folder, &ceremony->folder, &ceremony->complaint);
	if (err == ERR_OK)
		err = node_load_token_pin(config, &ceremony->pin, &ceremony->complaint);
	ceremony->token = (struct token_config){
		.module = config->module, .uri = config->uri, .pin = ceremony->pin, .sessions_max = 4
	};
	return err;
}

static enum err take_so_pin(struct ceremony *ceremony)
{
	struct complaint why = { "" };
	enum err err = secret_load(ceremony->so_pin_file, "CRATON_SO_PIN", "so-pin", 1, 256, &ceremony->so_pin, &why);
	if (err == ERR_OK)
		return ERR_OK;
	return complain(&ceremony->complaint, ERR_CONFIG,
	                "the token's SO PIN (--so-pin-file FILE, CRATON_SO_PIN or the credential so-pin): %s",
	                *why.text ? why.text : err_name(err));
}

static enum err take_voucher(struct ceremony *ceremony)
{
	enum err err = node_load_tls(ceremony->config, &ceremony->tls, &ceremony->complaint);
	return err == ERR_OK ? voucher_open(ceremony->config, &ceremony->voucher, &ceremony->complaint) : err;
}

static void finish(struct ceremony *ceremony)
{
	voucher_close(ceremony->voucher);
	tls_destroy(ceremony->tls);
	secret_destroy(ceremony->so_pin);
	secret_destroy(ceremony->pin);
	state_folder_unlock(ceremony->folder);
}

/* One armoured message from stdin, up to its END line. */
static enum err read_message(struct buf *out, struct complaint *complaint)
{
	char line[256];
	while (fgets(line, sizeof line, stdin)) {
		buf_add(out, line, strlen(line));
		if (out->failed)
			return complain(complaint, ERR_TOO_BIG, "stdin: the message is longer than %u bytes", ENROLMENT_TEXT_MAX);
		if (strncmp(line, "-----END ", 9) == 0)
			return ERR_OK;
	}
	return complain(complaint, ERR_CLOSED, "stdin ended before the message's END line");
}

static enum err write_message(const struct buf *text, struct complaint *complaint)
{
	if (fwrite(text->data, 1, text->size, stdout) != text->size || fflush(stdout) != 0)
		return complain(complaint, ERR_IO, "stdout can't be written");
	return ERR_OK;
}

static void show_id(FILE *out, const char *what, const uint8_t *id, size_t size)
{
	fprintf(out, "%s", what);
	for (size_t i = 0; i < size; i++)
		fprintf(out, "%02x", id[i]);
	fputc('\n', out);
}

/* CK_TOKEN_INFO's texts are padded with blanks and have no end. */
static void show_padded(const char *what, const CK_UTF8CHAR *text, size_t size)
{
	while (size > 0 && text[size - 1] == ' ')
		size--;
	printf("%s%.*s\n", what, (int)size, text);
}

static enum err show(struct ceremony *ceremony)
{
	struct token *token = NULL;
	struct domain *domain = NULL;
	enum err err = token_open(&ceremony->token, &token, &ceremony->complaint);
	if (err != ERR_OK)
		return err;
	err = domain_open(token, &domain, &ceremony->complaint);
	if (err == ERR_OK) {
		CK_TOKEN_INFO info = token_info(token);
		show_id(stdout, "domain: ", domain_id(domain), DOMAIN_ID_SIZE);
		show_padded("token:  ", info.label, sizeof info.label);
		show_padded("serial: ", info.serialNumber, sizeof info.serialNumber);
		domain_close(domain);
	}
	token_close(token);
	return err;
}

static enum err create(struct ceremony *ceremony)
{
	enum err err = take_so_pin(ceremony);
	if (err == ERR_OK)
		err = domain_create(&ceremony->token, ceremony->so_pin, &ceremony->complaint);
	return err == ERR_OK ? show(ceremony) : err;
}

static void show_fingerprint(const char *what, const struct buf *transport_key)
{
	char text[FINGERPRINT_SIZE];
	fingerprint(transport_key->data, transport_key->size, text);
	fprintf(stderr, "cratond: %s\ncratond: transport key SHA-256 %s\n", what, text);
}

/* Says who answered, since an operator can tell a name from another better than a number. */
static enum err take_answer(struct ceremony *ceremony, struct enrolment *enrolment, const struct buf *transport_key)
{
	struct buf text, wrapped;
	struct identity who;
	struct bytes key = { transport_key->data, transport_key->size };
	buf_init(&text, ENROLMENT_TEXT_MAX);
	buf_init(&wrapped, ENROLMENT_TEXT_MAX);
	enum err err = read_message(&text, &ceremony->complaint);
	if (err == ERR_OK)
		err = enrolment_answer_read(ceremony->voucher, text.data, text.size, &key, &who, &wrapped, &ceremony->complaint);
	if (err == ERR_OK)
		err = enrolment_finish(enrolment, wrapped.data, wrapped.size, &ceremony->complaint);
	if (err == ERR_OK)
		fprintf(stderr, "cratond: enrolled; admitted by node %s\n", who.name);
	buf_finish(&text);
	buf_finish(&wrapped);
	return err;
}

static enum err ask(struct ceremony *ceremony, const struct buf *transport_key)
{
	struct buf text;
	struct bytes key = { transport_key->data, transport_key->size };
	buf_init(&text, ENROLMENT_TEXT_MAX);
	enum err err = enrolment_request_write(ceremony->voucher, &key, &text, &ceremony->complaint);
	if (err == ERR_OK)
		err = write_message(&text, &ceremony->complaint);
	buf_finish(&text);
	return err;
}

static enum err enroll(struct ceremony *ceremony)
{
	struct enrolment *enrolment = NULL;
	struct buf transport_key;
	buf_init(&transport_key, ENROLMENT_TEXT_MAX);
	enum err err = take_so_pin(ceremony);
	if (err == ERR_OK)
		err = take_voucher(ceremony);
	if (err == ERR_OK)
		err = enrolment_begin(&ceremony->token, ceremony->so_pin, &enrolment, &transport_key, &ceremony->complaint);
	if (err == ERR_OK)
		err = ask(ceremony, &transport_key);
	if (err == ERR_OK) {
		show_fingerprint("give the request to: cratond -c FILE domain admit, on a node of the domain; then its answer to this command", &transport_key);
		err = take_answer(ceremony, enrolment, &transport_key);
	}
	enrolment_destroy(enrolment);
	buf_finish(&transport_key);
	return err;
}

static enum err give(struct ceremony *ceremony, const struct buf *transport_key)
{
	struct buf text, wrapped;
	buf_init(&text, ENROLMENT_TEXT_MAX);
	buf_init(&wrapped, ENROLMENT_TEXT_MAX);
	struct bytes key = { transport_key->data, transport_key->size };
	enum err err = domain_admit(&ceremony->token, ceremony->so_pin, key.data, key.size, &wrapped, &ceremony->complaint);
	struct bytes keys = { wrapped.data, wrapped.size };
	if (err == ERR_OK)
		err = enrolment_answer_write(ceremony->voucher, &key, &keys, &text, &ceremony->complaint);
	if (err == ERR_OK)
		err = write_message(&text, &ceremony->complaint);
	buf_finish(&text);
	buf_finish(&wrapped);
	return err;
}

static enum err admit(struct ceremony *ceremony)
{
	struct buf text, transport_key;
	struct identity who;
	char what[128];
	buf_init(&text, ENROLMENT_TEXT_MAX);
	buf_init(&transport_key, ENROLMENT_TEXT_MAX);
	enum err err = take_so_pin(ceremony);
	if (err == ERR_OK)
		err = take_voucher(ceremony);
	if (err == ERR_OK)
		err = read_message(&text, &ceremony->complaint);
	if (err == ERR_OK)
		err = enrolment_request_read(ceremony->voucher, text.data, text.size, &who, &transport_key, &ceremony->complaint);
	if (err == ERR_OK) {
		snprintf(what, sizeof what, "node %s asks to be enrolled", who.name);
		show_fingerprint(what, &transport_key);
		err = give(ceremony, &transport_key);
	}
	buf_finish(&text);
	buf_finish(&transport_key);
	return err;
}

static const struct {
	const char *verb;
	enum err (*act)(struct ceremony *ceremony);
} verbs[] = {
	{ "create", create }, { "enroll", enroll }, { "admit", admit }, { "show", show },
};

int domain_command(const struct node_config *config, const char *verb, const char *so_pin_file)
{
	struct ceremony ceremony = { .config = config, .so_pin_file = so_pin_file };
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(verbs[i].verb, verb) != 0)
			continue;
		enum err err = begin(&ceremony);
		if (err == ERR_OK)
			err = verbs[i].act(&ceremony);
		finish(&ceremony);
		if (err != ERR_OK)
			fprintf(stderr, "cratond: %s\n", *ceremony.complaint.text ? ceremony.complaint.text : err_name(err));
		return exit_status(err);
	}
	fprintf(stderr, "cratond: domain %s: no such command; there are create, enroll, admit and show\n", verb);
	return EX_USAGE;
}
