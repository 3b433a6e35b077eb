/* Somebody has the user PIN of a node's token and the module, and tries to get a closed key's value out. What they have in hand is
 * everything a logged-in session can see or ask. */
#include "backend/domain_private.h"
#include "tests/unit/backend/house.h"
#include <string.h>

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY, private_class = CKO_PRIVATE_KEY;
static CK_KEY_TYPE aes = CKK_AES, generic = CKK_GENERIC_SECRET;
static CK_ULONG key_size = 32;
static CK_MECHANISM wrap_pad = { CKM_AES_KEY_WRAP_PAD, NULL, 0 }, aes_gen = { CKM_AES_KEY_GEN, NULL, 0 };
#define YES(type) { type, &yes, 1 }
#define NO(type) { type, &no, 1 }
#define COUNT(array) (sizeof(array) / sizeof *(array))

struct attack {
	struct house house;
	CK_FUNCTION_LIST *p11;
	CK_SESSION_HANDLE session;
	struct domain_keys keys;
	struct pair pair;          /* sealed by the closed key */
	CK_OBJECT_HANDLE victim;   /* the same, loaded */
};

static void attack_begin(struct attack *attack)
{
	house_open(&attack->house, 1);
	attack->p11 = token_functions(attack->house.tokens[0]);
	CU_ASSERT_FATAL(token_borrow(attack->house.tokens[0], &attack->session) == CKR_OK);
	for (int i = 0; i < DOMAIN_KEY_COUNT; i++)
		CU_ASSERT(domain_key_handle(attack->house.domains[0], attack->session, (enum domain_key)i, &attack->keys.key[i]) == CKR_OK);
	CU_ASSERT_FATAL(pair_ec(attack->house.domains[0], curve_p256, &attack->pair) == CKR_OK);
	CU_ASSERT_FATAL(unseal_key(attack->house.domains[0], attack->session, attack->pair.private, &attack->victim) == CKR_OK);
}

static void attack_end(struct attack *attack)
{
	token_return(attack->house.tokens[0], attack->session, CKR_FUNCTION_CANCELED);
	pair_free(&attack->pair);
	house_close(&attack->house);
}

static CK_RV read_value(struct attack *attack, CK_OBJECT_HANDLE key)
{
	CK_BYTE value[512];
	CK_ATTRIBUTE attribute = { CKA_VALUE, value, sizeof value };
	return attack->p11->C_GetAttributeValue(attack->session, key, &attribute, 1);
}

static CK_RV wrap_under(struct attack *attack, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key)
{
	CK_BYTE wrapped[1024];
	CK_ULONG size = sizeof wrapped;
	return attack->p11->C_WrapKey(attack->session, &wrap_pad, wrapping, key, wrapped, &size);
}

static void values_are_sensitive(void)
{
	struct attack attack;
	attack_begin(&attack);
	CU_ASSERT(read_value(&attack, attack.victim) == CKR_ATTRIBUTE_SENSITIVE);
	for (int i = 0; i < DOMAIN_KEY_COUNT; i++)
		CU_ASSERT(read_value(&attack, attack.keys.key[i]) == CKR_ATTRIBUTE_SENSITIVE);
	CK_ATTRIBUTE sensitive = NO(CKA_SENSITIVE);
	CU_ASSERT(attack.p11->C_SetAttributeValue(attack.session, attack.victim, &sensitive, 1) != CKR_OK);
	attack_end(&attack);
}

static void a_key_of_their_own_wraps_nothing_of_ours(void)
{
	struct attack attack;
	CK_OBJECT_HANDLE own;
	attack_begin(&attack);
	CK_ATTRIBUTE template_[] = { NO(CKA_TOKEN), YES(CKA_WRAP), YES(CKA_DECRYPT), { CKA_VALUE_LEN, &key_size, sizeof key_size } };
	CU_ASSERT_FATAL(attack.p11->C_GenerateKey(attack.session, &aes_gen, template_, COUNT(template_), &own) == CKR_OK);
	CU_ASSERT(wrap_under(&attack, own, attack.victim) == CKR_KEY_NOT_WRAPPABLE);
	for (int i = 0; i < DOMAIN_KEY_COUNT; i++)
		CU_ASSERT(wrap_under(&attack, own, attack.keys.key[i]) == CKR_KEY_NOT_WRAPPABLE);
	/* Nor the open domain key, whose blobs another token would open. */
	CU_ASSERT(wrap_under(&attack, attack.keys.key[DOMAIN_OPEN], attack.victim) == CKR_KEY_NOT_WRAPPABLE);
	/* And it can't be made trusted: not later, not at birth, not when imported. */
	CK_ATTRIBUTE trusted = YES(CKA_TRUSTED);
	CU_ASSERT(attack.p11->C_SetAttributeValue(attack.session, own, &trusted, 1) != CKR_OK);
	template_[2] = trusted;
	CU_ASSERT(attack.p11->C_GenerateKey(attack.session, &aes_gen, template_, COUNT(template_), &own) != CKR_OK);
	CK_BYTE known[32] = { 1 };
	CK_ATTRIBUTE import[] = {
		{ CKA_CLASS, &secret_class, sizeof secret_class }, { CKA_KEY_TYPE, &aes, sizeof aes }, { CKA_VALUE, known, sizeof known },
		NO(CKA_TOKEN), YES(CKA_WRAP), YES(CKA_TRUSTED),
	};
	CU_ASSERT(attack.p11->C_CreateObject(attack.session, import, COUNT(import), &own) != CKR_OK);
	attack_end(&attack);
}

/* A key under another's name, or looser: the template holds whatever class and type it is claimed to be. */
static void what_the_closed_key_wrapped_comes_back_closed(void)
{
	struct attack attack;
	CK_OBJECT_HANDLE out;
	attack_begin(&attack);
	struct {
		void *class, *type;
	} claims[] = { { &private_class, &(CK_KEY_TYPE){ CKK_EC } }, { &secret_class, &aes }, { &secret_class, &generic } };
	CK_ATTRIBUTE_TYPE demanded[] = { CKA_PRIVATE, CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_WRAP_WITH_TRUSTED };
	Craton__Sealed *sealed = attack.pair.private->sealed;
	for (size_t claim = 0; claim < COUNT(claims); claim++)
		for (size_t i = 0; i < COUNT(demanded); i++) {
			CK_ATTRIBUTE template_[8] = {
				{ CKA_CLASS, claims[claim].class, sizeof(CK_OBJECT_CLASS) },
				{ CKA_KEY_TYPE, claims[claim].type, sizeof(CK_KEY_TYPE) }, NO(CKA_TOKEN),
			};
			for (size_t j = 0; j < COUNT(demanded); j++)
				template_[3 + j] = (CK_ATTRIBUTE){ demanded[j], i == j ? &no : &yes, 1 };
			CU_ASSERT(attack.p11->C_UnwrapKey(attack.session, &wrap_pad, attack.keys.key[DOMAIN_CLOSED], sealed->wrapped.data,
			                                  sealed->wrapped.len, template_, 7, &out) != CKR_OK);
			/* With one of them missing it is refused, or its preset is what is demanded (CKA_PRIVATE). */
			template_[3 + i] = template_[6];
			if (attack.p11->C_UnwrapKey(attack.session, &wrap_pad, attack.keys.key[DOMAIN_CLOSED], sealed->wrapped.data,
			                            sealed->wrapped.len, template_, 6, &out) == CKR_OK) {
				CK_BBOOL value = CK_FALSE;
				CK_ATTRIBUTE attribute = { demanded[i], &value, 1 };
				CU_ASSERT(attack.p11->C_GetAttributeValue(attack.session, out, &attribute, 1) == CKR_OK && value == CK_TRUE);
			}
		}
	attack_end(&attack);
}

/* A closed key that could decrypt would open what it wrapped: RFC 5649 is made of AES-ECB. */
static void the_domain_keys_get_no_other_use(void)
{
	static const CK_ATTRIBUTE_TYPE uses[] = { CKA_DECRYPT, CKA_ENCRYPT, CKA_DERIVE, CKA_MODIFIABLE, CKA_SENSITIVE, CKA_TRUSTED };
	struct attack attack;
	attack_begin(&attack);
	for (int i = 0; i < DOMAIN_KEY_COUNT; i++)
		for (size_t use = 0; use < COUNT(uses); use++) {
			CK_OBJECT_HANDLE copy;
			CK_BBOOL value = uses[use] != CKA_SENSITIVE;
			CK_ATTRIBUTE change[] = { { uses[use], &value, 1 }, NO(CKA_TOKEN) };
			CU_ASSERT(attack.p11->C_SetAttributeValue(attack.session, attack.keys.key[i], change, 1) != CKR_OK);
			CU_ASSERT(attack.p11->C_CopyObject(attack.session, attack.keys.key[i], change, 1, &copy) != CKR_OK);
			CU_ASSERT(attack.p11->C_CopyObject(attack.session, attack.keys.key[i], change, 2, &copy) != CKR_OK);
		}
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 };
	CU_ASSERT(attack.p11->C_DecryptInit(attack.session, &ecb, attack.keys.key[DOMAIN_CLOSED]) != CKR_OK);
	CU_ASSERT(attack.p11->C_EncryptInit(attack.session, &ecb, attack.keys.key[DOMAIN_CLOSED]) != CKR_OK);
	attack_end(&attack);
}

/* Wrapped under the closed key, a domain key could come back as one that decrypts. */
static void the_domain_keys_do_not_wrap_each_other(void)
{
	struct attack attack;
	attack_begin(&attack);
	for (int i = 0; i < DOMAIN_KEY_COUNT; i++) {
		CK_OBJECT_HANDLE copy;
		CU_ASSERT(wrap_under(&attack, attack.keys.key[DOMAIN_CLOSED], attack.keys.key[i]) == CKR_KEY_NOT_WRAPPABLE);
		CU_ASSERT(wrap_under(&attack, attack.keys.key[DOMAIN_OPEN], attack.keys.key[i]) == CKR_KEY_NOT_WRAPPABLE);
		if (attack.p11->C_CopyObject(attack.session, attack.keys.key[i], NULL, 0, &copy) != CKR_OK)
			continue;
		CU_ASSERT(wrap_under(&attack, attack.keys.key[DOMAIN_CLOSED], copy) == CKR_KEY_NOT_WRAPPABLE);
		CU_ASSERT(attack.p11->C_DestroyObject(attack.session, copy) == CKR_OK);
	}
	attack_end(&attack);
}

/* On the disk of the token, without its PIN: nothing of the domain is a public object. */
static void nothing_of_the_domain_is_seen_without_login(void)
{
	struct house house;
	CK_OBJECT_HANDLE found[8];
	CK_ULONG count = 8;
	CK_SESSION_HANDLE session;
	house_open(&house, 2);
	for (size_t i = 0; i < 2; i++) {
		CK_FUNCTION_LIST *p11 = token_functions(house.tokens[i]);
		CU_ASSERT_FATAL(token_borrow(house.tokens[i], &session) == CKR_OK);
		CU_ASSERT(p11->C_Logout(session) == CKR_OK);
		CU_ASSERT(p11->C_FindObjectsInit(session, NULL, 0) == CKR_OK);
		CU_ASSERT(p11->C_FindObjects(session, found, 8, &count) == CKR_OK);
		CU_ASSERT(count == 0);
		CU_ASSERT(p11->C_FindObjectsFinal(session) == CKR_OK);
		token_return(house.tokens[i], session, CKR_OK);
	}
	house_close(&house);
}

TESTS("backend: attack",
      SAY(values_are_sensitive),
      SAY(a_key_of_their_own_wraps_nothing_of_ours),
      SAY(what_the_closed_key_wrapped_comes_back_closed),
      SAY(the_domain_keys_get_no_other_use),
      SAY(the_domain_keys_do_not_wrap_each_other),
      SAY(nothing_of_the_domain_is_seen_without_login))
