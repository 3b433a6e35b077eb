/* What an operator keeps for a node: the cluster's secret, the token's PIN, the certificate. */
#include "node/node.h"
#include <ctype.h>
#include <string.h>

#define SECRET_SIZE 32

static int digit(uint8_t c)
{
	if (!isxdigit(c))
		return -1;
	return isdigit(c) ? c - '0' : tolower(c) - 'a' + 10;
}

static bool decode(const struct secret *text, struct secret *out)
{
	bool ok = text->size == 2 * out->size;
	for (size_t i = 0; ok && i < out->size; i++) {
		int high = digit(text->data[2 * i]), low = digit(text->data[2 * i + 1]);
		ok = high >= 0 && low >= 0;
		if (ok)
			out->data[i] = (uint8_t)(high << 4 | low);
	}
	return ok;
}

enum err node_load_cluster_secret(const struct node_config *config, struct secret **out, struct complaint *complaint)
{
	struct secret *text = NULL;
	struct complaint why = { "" };
	*out = NULL;
	enum err err = secret_load(config->secret_file, "CRATON_CLUSTER_SECRET", "cluster-secret",
	                           2 * SECRET_SIZE, 2 * SECRET_SIZE, &text, &why);
	if (err != ERR_OK)
		return complain(complaint, ERR_CONFIG,
		                "the cluster secret (64 hex digits; [raft] secret_file, CRATON_CLUSTER_SECRET or the credential cluster-secret): %s",
		                *why.text ? why.text : err_name(err));
	struct secret *secret = secret_create(NULL, SECRET_SIZE);
	if (!secret)
		err = complain(complaint, ERR_NO_MEMORY, "out of memory");
	else if (!decode(text, secret))
		err = complain(complaint, ERR_CONFIG,
		               "the cluster secret is not 64 hex digits; make one with: openssl rand -hex 32");
	secret_destroy(text);
	if (err != ERR_OK) {
		secret_destroy(secret);
		secret = NULL;
	}
	*out = secret;
	return err;
}

enum err node_load_token_pin(const struct node_config *config, struct secret **out, struct complaint *complaint)
{
	struct complaint why = { "" };
	enum err err = secret_load(config->pin_file, "CRATON_TOKEN_PIN", "token-pin", 1, 256, out, &why);
	if (err == ERR_OK)
		return ERR_OK;
	return complain(complaint, ERR_CONFIG,
	                "the token's PIN ([token] pin_file, CRATON_TOKEN_PIN or the credential token-pin): %s",
	                *why.text ? why.text : err_name(err));
}

enum err node_load_tls(const struct node_config *config, struct tls **out, struct complaint *complaint)
{
	struct identity expected = { .kind = IDENTITY_NODE };
	memcpy(expected.name, config->name, strlen(config->name) + 1); /* judged by config_check.c */
	return tls_create(config->authority_file, config->certificate_file, config->key_file, &expected, out, complaint);
}
