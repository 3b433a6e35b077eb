#include "node/enrolment.h"
#include "node/enrolment.pb-c.h"
#include "node/voucher.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_NAME "CRATON ENROLMENT REQUEST"
#define ANSWER_NAME "CRATON ENROLMENT ANSWER"
#define REQUEST_CONTEXT "craton enrolment request 1"
#define ANSWER_CONTEXT "craton enrolment answer 1"

void fingerprint(const void *data, size_t size, char text[FINGERPRINT_SIZE])
{
	uint8_t digest[SHA256_SIZE];
	char *at = text;
	sha256(&(struct bytes){ data, size }, 1, digest);
	for (int i = 0; i < SHA256_SIZE; i++)
		at += sprintf(at, "%s%02x", i && i % 2 == 0 && i % 4 == 0 ? " " : "", digest[i]);
}

/* Text armour */

static enum err armour(const char *name, const void *data, size_t size, struct buf *out)
{
	BIO *memory = BIO_new(BIO_s_mem());
	char *text = NULL;
	bool ok = memory && PEM_write_bio(memory, name, "", data, (long)size) > 0;
	long text_size = ok ? BIO_get_mem_data(memory, &text) : 0;
	if (ok)
		buf_add(out, text, (size_t)text_size);
	BIO_free(memory);
	ERR_clear_error();
	return ok && !out->failed ? ERR_OK : ERR_NO_MEMORY;
}

static enum err strip(const char *name, const void *text, size_t size, struct buf *out, struct complaint *complaint)
{
	char *found = NULL, *header = NULL;
	unsigned char *data = NULL;
	long data_size = 0;
	BIO *memory = size <= ENROLMENT_TEXT_MAX ? BIO_new_mem_buf(text, (int)size) : NULL;
	bool ok = memory && PEM_read_bio(memory, &found, &header, &data, &data_size) == 1 && strcmp(found, name) == 0;
	if (ok)
		buf_add(out, data, (size_t)data_size);
	OPENSSL_free(found);
	OPENSSL_free(header);
	OPENSSL_free(data);
	BIO_free(memory);
	ERR_clear_error();
	return ok && !out->failed ? ERR_OK
	                          : complain(complaint, ERR_MALFORMED, "expected a message that begins with -----BEGIN %s-----", name);
}

static struct bytes as_bytes(const ProtobufCBinaryData *data)
{
	return (struct bytes){ data->data, data->len };
}

/* protobuf-c's fields are not const; packing only reads them. */
static ProtobufCBinaryData as_field(const void *data, size_t size)
{
	return (ProtobufCBinaryData){ size, (uint8_t *)(uintptr_t)data };
}

static enum err pack_and_armour(const char *name, const ProtobufCMessage *message, struct buf *out)
{
	struct buf packed;
	buf_init(&packed, ENROLMENT_TEXT_MAX);
	uint8_t *at = buf_extend(&packed, protobuf_c_message_get_packed_size(message));
	enum err err = ERR_TOO_BIG;
	if (at) {
		protobuf_c_message_pack(message, at);
		err = armour(name, packed.data, packed.size, out);
	}
	buf_finish(&packed);
	return err;
}

static enum err unpack(const char *name, const ProtobufCMessageDescriptor *descriptor, const void *text, size_t size,
                       ProtobufCMessage **out, struct complaint *complaint)
{
	struct buf packed;
	buf_init(&packed, ENROLMENT_TEXT_MAX);
	enum err err = strip(name, text, size, &packed, complaint);
	if (err == ERR_OK && !(*out = protobuf_c_message_unpack(descriptor, NULL, packed.size, packed.data)))
		err = complain(complaint, ERR_MALFORMED, "the message's contents do not parse");
	buf_finish(&packed);
	return err;
}

/* Certificate and signature of ours, for a message that says `parts`. */
struct vouched {
	struct buf certificate, signature;
};

static enum err vouch(const struct voucher *voucher, const struct bytes *parts, size_t count, struct vouched *out)
{
	buf_init(&out->certificate, ENROLMENT_TEXT_MAX);
	buf_init(&out->signature, ENROLMENT_TEXT_MAX);
	enum err err = voucher_certificate(voucher, &out->certificate);
	return err == ERR_OK ? voucher_sign(voucher, parts, count, &out->signature) : err;
}

static void vouched_finish(struct vouched *vouched)
{
	buf_finish(&vouched->certificate);
	buf_finish(&vouched->signature);
}

/* The request */

static void request_parts(const struct bytes *transport_key, struct bytes parts[2])
{
	parts[0] = (struct bytes){ REQUEST_CONTEXT, sizeof REQUEST_CONTEXT };
	parts[1] = *transport_key;
}

enum err enrolment_request_write(const struct voucher *voucher, const struct bytes *transport_key, struct buf *out,
                                 struct complaint *complaint)
{
	Craton__EnrolmentRequest message = CRATON__ENROLMENT_REQUEST__INIT;
	struct bytes parts[2];
	struct vouched vouched;
	request_parts(transport_key, parts);
	enum err err = vouch(voucher, parts, 2, &vouched);
	message.transport_key = as_field(transport_key->data, transport_key->size);
	message.certificate = as_field(vouched.certificate.data, vouched.certificate.size);
	message.signature = as_field(vouched.signature.data, vouched.signature.size);
	if (err == ERR_OK)
		err = pack_and_armour(REQUEST_NAME, &message.base, out);
	vouched_finish(&vouched);
	return err == ERR_OK ? err : complain(complaint, err, "the request can't be written: %s", err_name(err));
}

enum err enrolment_request_read(const struct voucher *voucher, const void *text, size_t size, struct identity *who,
                                struct buf *transport_key, struct complaint *complaint)
{
	ProtobufCMessage *base;
	struct bytes parts[2];
	enum err err = unpack(REQUEST_NAME, &craton__enrolment_request__descriptor, text, size, &base, complaint);
	if (err != ERR_OK)
		return err;
	Craton__EnrolmentRequest *message = (Craton__EnrolmentRequest *)base;
	struct bytes key = as_bytes(&message->transport_key), certificate = as_bytes(&message->certificate),
	             signature = as_bytes(&message->signature);
	request_parts(&key, parts);
	err = voucher_check(voucher, &certificate, &signature, parts, 2, who, complaint);
	if (err == ERR_OK)
		buf_add(transport_key, key.data, key.size);
	craton__enrolment_request__free_unpacked(message, NULL);
	return err;
}

/* The answer */

static void answer_parts(const uint8_t request[SHA256_SIZE], const struct bytes *wrapped, struct bytes parts[3])
{
	parts[0] = (struct bytes){ ANSWER_CONTEXT, sizeof ANSWER_CONTEXT };
	parts[1] = (struct bytes){ request, SHA256_SIZE };
	parts[2] = *wrapped;
}

enum err enrolment_answer_write(const struct voucher *voucher, const struct bytes *transport_key,
                                const struct bytes *wrapped, struct buf *out, struct complaint *complaint)
{
	Craton__EnrolmentAnswer message = CRATON__ENROLMENT_ANSWER__INIT;
	uint8_t request[SHA256_SIZE];
	struct bytes parts[3];
	struct vouched vouched;
	sha256(transport_key, 1, request);
	answer_parts(request, wrapped, parts);
	enum err err = vouch(voucher, parts, 3, &vouched);
	message.wrapped = as_field(wrapped->data, wrapped->size);
	message.request = as_field(request, sizeof request);
	message.certificate = as_field(vouched.certificate.data, vouched.certificate.size);
	message.signature = as_field(vouched.signature.data, vouched.signature.size);
	if (err == ERR_OK)
		err = pack_and_armour(ANSWER_NAME, &message.base, out);
	vouched_finish(&vouched);
	return err == ERR_OK ? err : complain(complaint, err, "the answer can't be written: %s", err_name(err));
}

enum err enrolment_answer_read(const struct voucher *voucher, const void *text, size_t size,
                               const struct bytes *transport_key, struct identity *who, struct buf *wrapped,
                               struct complaint *complaint)
{
	ProtobufCMessage *base;
	uint8_t request[SHA256_SIZE];
	struct bytes parts[3];
	enum err err = unpack(ANSWER_NAME, &craton__enrolment_answer__descriptor, text, size, &base, complaint);
	if (err != ERR_OK)
		return err;
	Craton__EnrolmentAnswer *message = (Craton__EnrolmentAnswer *)base;
	struct bytes keys = as_bytes(&message->wrapped), certificate = as_bytes(&message->certificate),
	             signature = as_bytes(&message->signature);
	sha256(transport_key, 1, request);
	answer_parts(request, &keys, parts);
	if (message->request.len != SHA256_SIZE || memcmp(message->request.data, request, SHA256_SIZE) != 0)
		err = complain(complaint, ERR_REFUSED, "this answers another request; each request is good for one answer, while its command runs");
	else
		err = voucher_check(voucher, &certificate, &signature, parts, 3, who, complaint);
	if (err == ERR_OK)
		buf_add(wrapped, keys.data, keys.size);
	craton__enrolment_answer__free_unpacked(message, NULL);
	return err;
}
