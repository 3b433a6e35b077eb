#include "wire/identity.h"
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define SCHEME "craton:"
static const char *const kinds[] = { [IDENTITY_NODE] = "node", [IDENTITY_CLIENT] = "client", [IDENTITY_ADMIN] = "admin" };
#define KINDS (sizeof kinds / sizeof *kinds)

void identity_text(const struct identity *identity, char text[IDENTITY_TEXT_SIZE])
{
	if (identity->kind == IDENTITY_LOCAL_USER)
		snprintf(text, IDENTITY_TEXT_SIZE, "%s", identity->name);
	else
		snprintf(text, IDENTITY_TEXT_SIZE, SCHEME "%s:%s", kinds[identity->kind], identity->name);
}

static bool name_parse(struct identity *identity, const char *name, size_t size)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	if (!size || size > IDENTITY_NAME_MAX)
		return false;
	for (size_t i = 0; i < size; i++)
		if (!name[i] || !strchr(allowed, name[i]))
			return false;
	memcpy(identity->name, name, size);
	identity->name[size] = '\0';
	return true;
}

bool identity_parse(struct identity *identity, const char *text, size_t size)
{
	char start[sizeof SCHEME + 8];
	for (size_t kind = 0; kind < KINDS; kind++) {
		size_t start_size = (size_t)snprintf(start, sizeof start, SCHEME "%s:", kinds[kind]);
		if (size <= start_size || memcmp(text, start, start_size) != 0)
			continue;
		identity->kind = (enum identity_kind)kind;
		return name_parse(identity, text + start_size, size - start_size);
	}
	return false;
}

bool identity_is(const struct identity *identity, const struct identity *expected)
{
	return !expected || (identity->kind == expected->kind &&
	                     (!expected->name[0] || strcmp(identity->name, expected->name) == 0));
}

/* Exactly one: with two names in it, a certificate would be whoever it needs to be. */
bool identity_of_certificate(struct identity *identity, const X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	size_t ours = 0, good = 0;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_URI)
			continue;
		const char *uri = (const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
		size_t size = (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier);
		if (size < sizeof SCHEME - 1 || memcmp(uri, SCHEME, sizeof SCHEME - 1) != 0)
			continue;
		ours++;
		good += identity_parse(identity, uri, size);
	}
	GENERAL_NAMES_free(names);
	return ours == 1 && good == 1;
}
