/* What two operators carry between their nodes: believed only from a node of the cluster, and only for this enrolment. */
#include "node/enrolment.h"
#include "tests/check.h"
#include "tests/support/certificates.h"
#include <stdlib.h>
#include <string.h>

static const struct bytes key = { "a transport key", 15 }, other_key = { "another transport key", 21 };
static const struct bytes wrapped = { "wrapped domain keys", 19 };

static struct voucher *voucher_of(struct test_authority *authority, const char *name)
{
	struct voucher *voucher = NULL;
	struct complaint complaint = { "" };
	struct node_config config = {
		.authority_file = strdup(test_authority_file(authority, "authority", "crt")),
		.certificate_file = strdup(test_authority_file(authority, name, "crt")),
		.key_file = strdup(test_authority_file(authority, name, "key")),
	};
	CU_ASSERT_EQUAL_FATAL(voucher_open(&config, &voucher, &complaint), ERR_OK);
	free(config.authority_file);
	free(config.certificate_file);
	free(config.key_file);
	return voucher;
}

static struct voucher *issue(struct test_authority *authority, enum identity_kind kind, const char *name)
{
	struct identity who = { .kind = kind };
	snprintf(who.name, sizeof who.name, "%s", name);
	test_authority_issue_identity(authority, name, &who);
	return voucher_of(authority, name);
}

static void request_of(const struct voucher *voucher, struct buf *text)
{
	struct complaint complaint = { "" };
	buf_init(text, ENROLMENT_TEXT_MAX);
	CU_ASSERT_EQUAL_FATAL(enrolment_request_write(voucher, &key, text, &complaint), ERR_OK);
}

static enum err read_request(const struct voucher *voucher, const struct buf *text, struct complaint *complaint)
{
	struct identity who;
	struct buf out;
	buf_init(&out, 4096);
	enum err err = enrolment_request_read(voucher, text->data, text->size, &who, &out, complaint);
	if (err == ERR_OK) {
		CU_ASSERT_STRING_EQUAL(who.name, "b");
		CU_ASSERT_TRUE(out.size == key.size && memcmp(out.data, key.data, key.size) == 0);
	}
	buf_finish(&out);
	return err;
}

static void a_request_arrives_with_the_name_of_its_node(void)
{
	struct complaint complaint = { "" };
	struct test_authority *authority = test_authority_create();
	struct voucher *a = issue(authority, IDENTITY_NODE, "a"), *b = issue(authority, IDENTITY_NODE, "b");
	struct buf text;
	request_of(b, &text);
	CU_ASSERT_TRUE(memmem(text.data, text.size, "-----BEGIN CRATON ENROLMENT REQUEST-----", 40) != NULL);
	CU_ASSERT_EQUAL(read_request(a, &text, &complaint), ERR_OK);
	buf_finish(&text);
	voucher_close(a);
	voucher_close(b);
	test_authority_destroy(authority);
}

static void a_client_cannot_ask_for_the_domains_keys(void)
{
	struct complaint complaint = { "" };
	struct test_authority *authority = test_authority_create();
	struct voucher *a = issue(authority, IDENTITY_NODE, "a"), *b = issue(authority, IDENTITY_CLIENT, "b");
	struct buf text;
	request_of(b, &text);
	CU_ASSERT_EQUAL(read_request(a, &text, &complaint), ERR_REFUSED);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "no node's"));
	buf_finish(&text);
	voucher_close(a);
	voucher_close(b);
	test_authority_destroy(authority);
}

static void nor_can_another_clusters_node(void)
{
	struct complaint complaint = { "" };
	struct test_authority *ours = test_authority_create(), *theirs = test_authority_create();
	struct voucher *a = issue(ours, IDENTITY_NODE, "a"), *b = issue(theirs, IDENTITY_NODE, "b");
	struct buf text;
	request_of(b, &text);
	CU_ASSERT_EQUAL(read_request(a, &text, &complaint), ERR_REFUSED);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "authority"));
	buf_finish(&text);
	voucher_close(a);
	voucher_close(b);
	test_authority_destroy(ours);
	test_authority_destroy(theirs);
}

static void no_byte_of_a_request_can_be_changed(void)
{
	struct complaint complaint = { "" };
	struct test_authority *authority = test_authority_create();
	struct voucher *a = issue(authority, IDENTITY_NODE, "a"), *b = issue(authority, IDENTITY_NODE, "b");
	struct buf text;
	request_of(b, &text);
	size_t body = 41; /* the BEGIN line */
	for (size_t i = body; i + 40 < text.size; i++) {
		uint8_t before = text.data[i];
		if (before == '\n' || before == '=' || before == '-')
			continue;
		if (text.data[i + 1] == '=') /* of the last character before the padding, some bits are no data */
			continue;
		text.data[i] = before == 'A' ? 'B' : 'A';
		CU_ASSERT_NOT_EQUAL(read_request(a, &text, &complaint), ERR_OK);
		text.data[i] = before;
	}
	CU_ASSERT_EQUAL(read_request(a, &text, &complaint), ERR_OK);
	buf_finish(&text);
	voucher_close(a);
	voucher_close(b);
	test_authority_destroy(authority);
}

static void an_answer_is_good_for_its_request_only(void)
{
	struct complaint complaint = { "" };
	struct test_authority *authority = test_authority_create();
	struct voucher *a = issue(authority, IDENTITY_NODE, "a"), *b = issue(authority, IDENTITY_NODE, "b");
	struct identity who;
	struct buf text, out;
	buf_init(&text, ENROLMENT_TEXT_MAX);
	buf_init(&out, 4096);
	CU_ASSERT_EQUAL_FATAL(enrolment_answer_write(a, &key, &wrapped, &text, &complaint), ERR_OK);
	CU_ASSERT_EQUAL(enrolment_answer_read(b, text.data, text.size, &other_key, &who, &out, &complaint), ERR_REFUSED);
	CU_ASSERT_EQUAL(enrolment_answer_read(b, text.data, text.size, &key, &who, &out, &complaint), ERR_OK);
	CU_ASSERT_STRING_EQUAL(who.name, "a");
	CU_ASSERT_TRUE(out.size == wrapped.size && memcmp(out.data, wrapped.data, wrapped.size) == 0);
	CU_ASSERT_NOT_EQUAL(read_request(a, &text, &complaint), ERR_OK);
	buf_finish(&text);
	buf_finish(&out);
	voucher_close(a);
	voucher_close(b);
	test_authority_destroy(authority);
}

static void nonsense_is_refused(void)
{
	struct complaint complaint = { "" };
	struct test_authority *authority = test_authority_create();
	struct voucher *a = issue(authority, IDENTITY_NODE, "a");
	static const char *const texts[] = {
		"", "hello", "-----BEGIN CRATON ENROLMENT REQUEST-----\n",
		"-----BEGIN CRATON ENROLMENT REQUEST-----\nAAAA\n-----END CRATON ENROLMENT REQUEST-----\n",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct buf text;
		buf_init(&text, 4096);
		buf_add(&text, texts[i], strlen(texts[i]));
		CU_ASSERT_NOT_EQUAL(read_request(a, &text, &complaint), ERR_OK);
		buf_finish(&text);
	}
	voucher_close(a);
	test_authority_destroy(authority);
}

TESTS("node enrolment", SAY(a_request_arrives_with_the_name_of_its_node), SAY(a_client_cannot_ask_for_the_domains_keys),
      SAY(nor_can_another_clusters_node), SAY(no_byte_of_a_request_can_be_changed),
      SAY(an_answer_is_good_for_its_request_only), SAY(nonsense_is_refused))
