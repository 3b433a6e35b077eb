/* What an operator brings from another node: as text (first byte even), or as a message without its armour and so without
 * what a fuzzer can't guess (odd). */
#include "node/enrolment.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/certificates.h"
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

static struct voucher *make_voucher(void)
{
	struct voucher *voucher = NULL;
	struct identity a = { IDENTITY_NODE, "a" };
	struct test_authority *authority = test_authority_create();
	test_authority_issue_identity(authority, "a", &a);
	struct node_config config = {
		.authority_file = strdup(test_authority_file(authority, "authority", "crt")),
		.certificate_file = strdup(test_authority_file(authority, "a", "crt")),
		.key_file = strdup(test_authority_file(authority, "a", "key")),
	};
	if (voucher_open(&config, &voucher, NULL) != ERR_OK)
		abort();
	free(config.authority_file);
	free(config.certificate_file);
	free(config.key_file);
	test_authority_destroy(authority);
	return voucher;
}

static void read_both(const struct voucher *voucher, const void *text, size_t size)
{
	static const struct bytes key = { "key", 3 };
	struct complaint complaint;
	struct identity who;
	struct buf out;
	buf_init(&out, ENROLMENT_TEXT_MAX);
	enrolment_request_read(voucher, text, size, &who, &out, &complaint);
	enrolment_answer_read(voucher, text, size, &key, &who, &out, &complaint);
	buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct voucher *voucher;
	if (!voucher)
		voucher = make_voucher();
	if (size == 0)
		return 0;
	if (data[0] % 2 == 0) {
		read_both(voucher, data + 1, size - 1);
		return 0;
	}
	BIO *memory = BIO_new(BIO_s_mem());
	char *text = NULL;
	PEM_write_bio(memory, data[0] % 4 == 1 ? "CRATON ENROLMENT REQUEST" : "CRATON ENROLMENT ANSWER", "", data + 1, (long)size - 1);
	long text_size = BIO_get_mem_data(memory, &text);
	read_both(voucher, text, (size_t)text_size);
	BIO_free(memory);
	return 0;
}
