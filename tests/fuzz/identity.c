/* A subjectAltName's text; and, since it comes in one, a whole certificate. */
#include "tests/fuzz/fuzz.h"
#include "wire/identity.h"
#include <assert.h>
#include <openssl/x509.h>
#include <string.h>

static void judge(bool good, const struct identity *identity)
{
	char text[IDENTITY_TEXT_SIZE];
	struct identity back;
	if (!good)
		return;
	identity_text(identity, text);
	assert(identity_parse(&back, text, strlen(text)) && identity_is(&back, identity));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct identity identity;
	const uint8_t *at = data;
	judge(identity_parse(&identity, (const char *)data, size), &identity);
	X509 *certificate = d2i_X509(NULL, &at, (long)size);
	if (certificate)
		judge(identity_of_certificate(&identity, certificate), &identity);
	X509_free(certificate);
	return 0;
}
