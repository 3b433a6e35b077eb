/* A certificate authority for a test, and whatever certificates it is asked for, in a
 * throw-away folder. Aborts where it can't. */
#pragma once
#include "wire/tls.h"

struct test_authority;

/* A folder under $TMPDIR (or /tmp), with authority.crt in it. */
struct test_authority *test_authority_create(void);
/* Its own certificate anew, good for so many seconds from now. */
void test_authority_renew(struct test_authority *authority, long until_s);
/* Removes the folder and all that is in it. */
void test_authority_destroy(struct test_authority *authority);
const char *test_authority_folder(const struct test_authority *authority);

struct test_certificate {
	const char *uris[3];       /* subjectAltNames: "craton:node:a" */
	long from_s, until_s;      /* its dates, seconds from now; both 0: a good while around now */
	unsigned key_mode;         /* of the key's file; 0: 0600 */
	bool key_of_another;       /* the key's file holds a key that isn't the certificate's */
	bool is_its_own_authority; /* self-signed */
};
/* folder/NAME.crt and folder/NAME.key, EC P-256. */
void test_authority_issue(struct test_authority *authority, const char *name, const struct test_certificate *what);
/* The common case: NAME.crt says craton:KIND:WHO. */
void test_authority_issue_identity(struct test_authority *authority, const char *name, const struct identity *who);

/* folder/NAME.SUFFIX in one of a few buffers that take turns. */
const char *test_authority_file(const struct test_authority *authority, const char *name, const char *suffix);
/* A tls of this authority for `who`, certificate and all. */
struct tls *test_authority_tls(struct test_authority *authority, enum identity_kind kind, const char *who);
