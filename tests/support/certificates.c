#include "tests/support/certificates.h"
#include "base/err.h"
#include <ftw.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define YEAR_S (365L * 24 * 3600)

struct test_authority {
	char folder[PATH_MAX - 64];
	EVP_PKEY *key;
	X509 *certificate;
	long serial;
};

static void must(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "tests: certificates: %s failed\n", what);
	abort();
}

const char *test_authority_file(const struct test_authority *authority, const char *name, const char *suffix)
{
	static _Thread_local char paths[8][PATH_MAX];
	static _Thread_local unsigned turn;
	char *path = paths[turn++ % 8];
	snprintf(path, PATH_MAX, "%s/%s.%s", authority->folder, name, suffix);
	return path;
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	must(extension && X509_add_ext(certificate, extension, -1), value);
	X509_EXTENSION_free(extension);
}

static X509 *blank(struct test_authority *authority, const char *name, EVP_PKEY *key, long from_s, long until_s)
{
	X509 *certificate = X509_new();
	must(certificate && X509_set_version(certificate, X509_VERSION_3), "X509_new");
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++authority->serial);
	X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
	X509_gmtime_adj(X509_getm_notAfter(certificate), until_s);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_pubkey(certificate, key);
	return certificate;
}

static void write_certificate(const char *path, X509 *certificate)
{
	FILE *file = fopen(path, "w");
	must(file && PEM_write_X509(file, certificate), path);
	fclose(file);
}

static void write_key(const char *path, EVP_PKEY *key, unsigned mode)
{
	FILE *file = fopen(path, "w");
	must(file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), path);
	fclose(file);
	must(chmod(path, (mode_t)mode) == 0, "chmod");
}

struct test_authority *test_authority_create(void)
{
	const char *base = getenv("TMPDIR");
	struct test_authority *authority = calloc(1, sizeof *authority);
	must(authority != NULL, "calloc");
	snprintf(authority->folder, sizeof authority->folder, "%s/craton-test-XXXXXX", base && *base ? base : "/tmp");
	must(mkdtemp(authority->folder) != NULL, authority->folder);
	authority->key = EVP_EC_gen("P-256");
	must(authority->key != NULL, "EVP_EC_gen");
	test_authority_renew(authority, YEAR_S);
	return authority;
}

void test_authority_renew(struct test_authority *authority, long until_s)
{
	X509_free(authority->certificate);
	authority->certificate = blank(authority, "craton test authority", authority->key, -YEAR_S, until_s);
	X509_set_issuer_name(authority->certificate, X509_get_subject_name(authority->certificate));
	add_extension(authority->certificate, authority->certificate, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(authority->certificate, authority->certificate, NID_key_usage, "critical,keyCertSign");
	add_extension(authority->certificate, authority->certificate, NID_subject_key_identifier, "hash");
	must(X509_sign(authority->certificate, authority->key, EVP_sha256()) > 0, "X509_sign");
	write_certificate(test_authority_file(authority, "authority", "crt"), authority->certificate);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *place)
{
	(void)st, (void)kind, (void)place;
	return remove(path);
}

void test_authority_destroy(struct test_authority *authority)
{
	nftw(authority->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	X509_free(authority->certificate);
	EVP_PKEY_free(authority->key);
	free(authority);
}

const char *test_authority_folder(const struct test_authority *authority)
{
	return authority->folder;
}

static void add_names(X509 *certificate, X509 *issuer, const struct test_certificate *what)
{
	char names[512] = "";
	size_t size = 0;
	for (size_t i = 0; i < sizeof what->uris / sizeof *what->uris && what->uris[i]; i++)
		size += (size_t)snprintf(names + size, sizeof names - size, "%sURI:%s", i ? "," : "", what->uris[i]);
	if (size)
		add_extension(certificate, issuer, NID_subject_alt_name, names);
}

void test_authority_issue(struct test_authority *authority, const char *name, const struct test_certificate *what)
{
	bool dated = what->from_s || what->until_s;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	must(key != NULL, "EVP_EC_gen");
	X509 *certificate = blank(authority, name, key, dated ? what->from_s : -3600, dated ? what->until_s : YEAR_S / 2);
	X509 *issuer = what->is_its_own_authority ? certificate : authority->certificate;
	X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
	add_extension(certificate, issuer, NID_basic_constraints, what->is_its_own_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
	add_extension(certificate, issuer, NID_key_usage, what->is_its_own_authority ? "critical,digitalSignature,keyCertSign" : "critical,digitalSignature");
	add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth,clientAuth");
	if (!what->is_its_own_authority)
		add_extension(certificate, issuer, NID_authority_key_identifier, "keyid");
	add_names(certificate, issuer, what);
	must(X509_sign(certificate, what->is_its_own_authority ? key : authority->key, EVP_sha256()) > 0, "X509_sign");
	write_certificate(test_authority_file(authority, name, "crt"), certificate);
	if (what->key_of_another) {
		EVP_PKEY_free(key);
		key = EVP_EC_gen("P-256");
	}
	write_key(test_authority_file(authority, name, "key"), key, what->key_mode ? what->key_mode : 0600);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

void test_authority_issue_identity(struct test_authority *authority, const char *name, const struct identity *who)
{
	char uri[IDENTITY_TEXT_SIZE];
	identity_text(who, uri);
	test_authority_issue(authority, name, &(struct test_certificate){ .uris = { uri } });
}

struct tls *test_authority_tls(struct test_authority *authority, enum identity_kind kind, const char *who)
{
	struct identity identity = { .kind = kind };
	struct complaint complaint = { "" };
	struct tls *tls = NULL;
	char name[32];
	snprintf(identity.name, sizeof identity.name, "%s", who);
	snprintf(name, sizeof name, "tls-%ld", authority->serial);
	test_authority_issue_identity(authority, name, &identity);
	enum err err = tls_create(test_authority_file(authority, "authority", "crt"), test_authority_file(authority, name, "crt"),
	                          test_authority_file(authority, name, "key"), &identity, &tls, &complaint);
	must(err == ERR_OK, complaint.text);
	return tls;
}
