/* Every mechanism of the token's list with every operation it is said to do. What is tried is compared with the list in
 * the end, so that none is forgotten. */
#pragma once
#include "tests/conformance/reference.h"

/* Is the mechanism offered for this (one CKF_)? Then it counts as tried. */
bool tries(CK_MECHANISM_TYPE type, CK_FLAGS use);
/* The same without counting: to be asked before a key is made. */
bool is_offered(CK_MECHANISM_TYPE type, CK_FLAGS use);
/* A cell of the table mechanism × operation. */
void works(CK_MECHANISM_TYPE type, const char *operation);

/* What C_EncryptInit, C_DecryptInit, C_SignInit have in common. `update` of signatures gives nothing. */
struct operation_kind {
	CK_FLAGS use;
	const char *name;
	CK_RV (*init)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
	CK_RV (*once)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
	CK_RV (*update)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
	CK_RV (*final)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG *);
};
const struct operation_kind *encrypting(void), *decrypting(void), *signing(void);

struct piece { const CK_BYTE *bytes; CK_ULONG size; };
#define PIECE(bytes, size) ((struct piece){ bytes, size })
struct result { CK_RV rv; CK_BYTE bytes[1024]; CK_ULONG size; };
/* The whole operation, at once or in parts: of one, fifteen, … `unit` bytes. */
struct result at_once(const struct operation_kind *kind, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, struct piece data);
struct result in_parts(const struct operation_kind *kind, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, struct piece data);
/* The rest of the clauses on output, 5.2: asking for the length and a short buffer leave the operation as it is, and
 * the result may lie where the data lay. `want` NULL: it is another each time, of that size. */
void output_follows_the_convention(const struct operation_kind *kind, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                                   CK_OBJECT_HANDLE key, struct piece data, const CK_BYTE *want, CK_ULONG want_size);
bool is_same(const struct result *result, struct piece want);

/* Two messages signed under one key, and verified; where the mechanism is offered for messages. */
void messages_are_signed_the_same(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, struct key_pair pair, struct piece data);

extern const CK_BYTE known_data[100];
extern const CK_BYTE known_key[64]; /* as long as needed; fit for DES, too */

void digests_are_those_of_openssl(void);
void macs_are_those_of_openssl(void);
void ciphers_are_those_of_openssl(void);
void ciphers_with_tags_are_those_of_openssl(void);
void messages_are_encrypted_each_with_its_iv_and_tag(void);
void messages_are_decrypted_and_altered_ones_refused(void);
void nothing_is_data_too(void);
void rsa_signatures_are_those_of_openssl(void);
void ecdsa_signatures_are_those_of_openssl(void);
void rsa_ciphers_are_those_of_openssl(void);
void signatures_give_back_what_was_signed(void);
void other_signatures_verify(void);
void every_key_is_generated(void);
void every_key_pair_is_generated(void);
void secret_keys_are_wrapped_and_unwrapped(void);
void private_keys_are_wrapped_and_unwrapped(void);
void keys_are_derived_from_data(void);
void keys_are_agreed_on(void);
