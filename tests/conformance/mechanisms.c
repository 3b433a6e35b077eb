#include "tests/conformance/mechanisms.h"

const CK_BYTE known_data[100] = "The quick brown fox jumps over the lazy dog, and then again over one that is lazier still, for good";
const CK_BYTE known_key[64] = { 0x01, 0x02, 0x04, 0x07, 0x08, 0x0b, 0x0d, 0x0e, 0x10, 0x13, 0x15, 0x16, 0x19, 0x1a, 0x1c, 0x1f,
	0x20, 0x23, 0x25, 0x26, 0x29, 0x2a, 0x2c, 0x2f, 0x31, 0x32, 0x34, 0x37, 0x38, 0x3b, 0x3d, 0x3e, 0x40, 0x43, 0x45, 0x46 };

/* ---- what was tried */

static struct { CK_MECHANISM_TYPE type; CK_FLAGS uses; } tried[256];
static size_t tried_count;

bool is_offered(CK_MECHANISM_TYPE type, CK_FLAGS use)
{
	CK_MECHANISM_INFO info = { 0 };
	return P11->C_GetMechanismInfo(token.slot, type, &info) == CKR_OK && (info.flags & use);
}

/* What bare SoftHSM lists and cannot do. */
static const char *excuse(CK_MECHANISM_TYPE type, CK_FLAGS use)
{
	if (type == CKM_DES_ECB || type == CKM_DES_CBC || type == CKM_DES_CBC_PAD || type == CKM_DES_ECB_ENCRYPT_DATA ||
	    type == CKM_DES_CBC_ENCRYPT_DATA)
		return "it lists single DES, which OpenSSL 3 has in its legacy provider only";
	if (type == CKM_DES3_CBC && (use & CKF_WRAP))
		return "it lists wrapping with it, and refuses";
	return NULL;
}

bool tries(CK_MECHANISM_TYPE type, CK_FLAGS use)
{
	size_t i = 0;
	const char *why = token.is_softhsm ? excuse(type, use) : NULL;
	if (!is_offered(type, use))
		return false;
	while (i < tried_count && tried[i].type != type)
		i++;
	if (i == tried_count)
		tried[tried_count++].type = type;
	tried[i].uses |= use;
	if (why)
		observe_deviation(mechanism_text(type), "CKR_MECHANISM_INVALID", why);
	return !why;
}

void works(CK_MECHANISM_TYPE type, const char *operation)
{
	observe("mechanism", mechanism_text(type), operation, "yes");
}

#define USES (CKF_ENCRYPT | CKF_DECRYPT | CKF_DIGEST | CKF_SIGN | CKF_SIGN_RECOVER | CKF_VERIFY | CKF_VERIFY_RECOVER | \
	CKF_GENERATE | CKF_GENERATE_KEY_PAIR | CKF_WRAP | CKF_UNWRAP | CKF_DERIVE | CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | \
	CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY)

/* Runs last. */
static void every_mechanism_of_the_list_was_tried_with_all_it_does(void)
{
	static CK_MECHANISM_TYPE list[1024];
	CK_ULONG count = COUNT(list);
	CK_MECHANISM_INFO info = { 0 };
	EXPECT(P11->C_GetMechanismList(token.slot, list, &count), CKR_OK);
	for (CK_ULONG i = 0; i < count; i++) {
		CK_FLAGS uses = 0;
		info.flags = 0;
		EXPECT(P11->C_GetMechanismInfo(token.slot, list[i], &info), CKR_OK);
		for (size_t t = 0; t < tried_count; t++)
			uses |= tried[t].type == list[i] ? tried[t].uses : 0;
		if (token.is_softhsm && excuse(list[i], 0))
			continue;
		if ((info.flags & USES) & ~uses)
			printf("    not tried: %s, flags 0x%lx\n", mechanism_text(list[i]), (info.flags & USES) & ~uses);
		CU_ASSERT_EQUAL((info.flags & USES) & ~uses, 0);
	}
}

/* ---- operations */

static CK_RV sign_update(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *out_size)
{
	(void)out;
	*out_size = 0;
	return P11->C_SignUpdate(session, data, size);
}

#define KIND(verb, kind_name, flag, update_function)                                                          \
	const struct operation_kind *kind_name(void)                                                           \
	{                                                                                                      \
		static struct operation_kind kind;                                                             \
		kind = (struct operation_kind){ flag, #kind_name, P11->C_##verb##Init, P11->C_##verb, update_function, \
			P11->C_##verb##Final };                                                                \
		return &kind;                                                                                  \
	}
KIND(Encrypt, encrypting, CKF_ENCRYPT, P11->C_EncryptUpdate)
KIND(Decrypt, decrypting, CKF_DECRYPT, P11->C_DecryptUpdate)
KIND(Sign, signing, CKF_SIGN, sign_update)

struct result at_once(const struct operation_kind *kind, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                      struct piece data)
{
	struct result result = { .size = sizeof result.bytes };
	result.rv = kind->init(session, mechanism, key);
	if (result.rv == CKR_OK)
		result.rv = kind->once(session, (CK_BYTE_PTR)(uintptr_t)data.bytes, data.size, result.bytes, &result.size);
	return result;
}

struct result in_parts(const struct operation_kind *kind, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                       struct piece data)
{
	static const CK_ULONG cuts[] = { 1, 15, 0, 16, 7, 40, 100 };
	struct result result = { .rv = kind->init(session, mechanism, key) };
	CK_ULONG done = 0, room, size;
	for (size_t i = 0; result.rv == CKR_OK && done < data.size; i++, done += size) {
		size = cuts[i % COUNT(cuts)] < data.size - done ? cuts[i % COUNT(cuts)] : data.size - done;
		room = sizeof result.bytes - result.size;
		result.rv = kind->update(session, (CK_BYTE_PTR)(uintptr_t)(data.bytes + done), size, result.bytes + result.size, &room);
		result.size += result.rv == CKR_OK ? room : 0;
	}
	room = sizeof result.bytes - result.size;
	if (result.rv == CKR_OK)
		result.rv = kind->final(session, result.bytes + result.size, &room);
	result.size += result.rv == CKR_OK ? room : 0;
	return result;
}

bool is_same(const struct result *result, struct piece want)
{
	return result->rv == CKR_OK && result->size == want.size && memcmp(result->bytes, want.bytes, want.size) == 0;
}

void output_follows_the_convention(const struct operation_kind *kind, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                                   CK_OBJECT_HANDLE key, struct piece data, const CK_BYTE *want, CK_ULONG want_size)
{
	CK_BYTE buffer[1024];
	CK_ULONG size = 0;
	memcpy(buffer, data.bytes, data.size);
	EXPECT(kind->init(session, mechanism, key), CKR_OK);
	EXPECT(kind->once(session, buffer, data.size, NULL, &size), CKR_OK);
	CU_ASSERT(size >= want_size); /* "may somewhat exceed the precise number of bytes needed" */
	if (want_size) {
		size = want_size - 1;
		EXPECT(kind->once(session, buffer, data.size, buffer, &size), CKR_BUFFER_TOO_SMALL);
		CU_ASSERT(size >= want_size);
	}
	size = sizeof buffer;
	EXPECT(kind->once(session, buffer, data.size, buffer, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, want_size);
	CU_ASSERT(!want || memcmp(buffer, want, want_size) == 0);
	EXPECT(kind->once(session, buffer, data.size, buffer, &size), CKR_OPERATION_NOT_INITIALIZED);
}

CHAPTER(mechanisms,
	SAY(digests_are_those_of_openssl),
	SAY(macs_are_those_of_openssl),
	SAY(ciphers_are_those_of_openssl),
	SAY(ciphers_with_tags_are_those_of_openssl),
	SAY(messages_are_encrypted_each_with_its_iv_and_tag),
	SAY(messages_are_decrypted_and_altered_ones_refused),
	SAY(nothing_is_data_too),
	SAY(rsa_signatures_are_those_of_openssl),
	SAY(ecdsa_signatures_are_those_of_openssl),
	SAY(rsa_ciphers_are_those_of_openssl),
	SAY(signatures_give_back_what_was_signed),
	SAY(other_signatures_verify),
	SAY(every_key_is_generated),
	SAY(every_key_pair_is_generated),
	SAY(secret_keys_are_wrapped_and_unwrapped),
	SAY(private_keys_are_wrapped_and_unwrapped),
	SAY(keys_are_derived_from_data),
	SAY(keys_are_agreed_on),
	SAY(every_mechanism_of_the_list_was_tried_with_all_it_does));
