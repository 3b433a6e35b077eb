/* What a token can do is tried once, and again when anything is otherwise. */
#include "backend/probe_memory.h"
#include "backend/domain_private.h"
#include "backend/held.h"
#include "base/file.h"
#include "tests/unit/backend/house.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct house house;
static struct probe_wishes wishes;
static uint8_t identity[SHA256_SIZE];
static struct probe_subject subject = { .identity = identity, .wishes = &wishes };
static CK_FUNCTION_LIST *p11, real;
static char memory[128];
static struct capabilities found; /* when it was tried, */
static struct buf file;           /* and what was remembered of it */

/* Another boot than this one, if not NULL. */
static const char *boot;

enum err __real_file_read(const char *path, struct buf *out);
enum err __wrap_file_read(const char *path, struct buf *out);
enum err __wrap_file_read(const char *path, struct buf *out)
{
	if (!boot || strcmp(path, "/proc/sys/kernel/random/boot_id") != 0)
		return __real_file_read(path, out);
	buf_add(out, boot, strlen(boot));
	return ERR_OK;
}

/* Replaced while it is loaded, if not NULL. */
static const char *replaced;
static void copy_module(const char *path);

CK_FUNCTION_LIST *__real_p11_kit_module_load(const char *path, int flags);
CK_FUNCTION_LIST *__wrap_p11_kit_module_load(const char *path, int flags);
CK_FUNCTION_LIST *__wrap_p11_kit_module_load(const char *path, int flags)
{
	if (replaced)
		copy_module(replaced);
	return __real_p11_kit_module_load(path, flags);
}

/* The token at its doors: what it says of itself, and how often it was asked to make something. */
static struct {
	bool new_firmware, new_library, fewer_tries, lacks_mechanism, longer_keys, is_short_of_memory;
	unsigned made;
} token;

static CK_RV tell_token(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = real.C_GetTokenInfo(slot, info);
	info->firmwareVersion.minor = (CK_BYTE)(info->firmwareVersion.minor + token.new_firmware);
	if (token.fewer_tries) {
		info->flags |= CKF_USER_PIN_COUNT_LOW;
		info->ulFreePrivateMemory = 1;
		info->ulRwSessionCount = 77;
	}
	return rv;
}

static CK_RV tell_library(CK_INFO *info)
{
	CK_RV rv = real.C_GetInfo(info);
	info->libraryVersion.minor = (CK_BYTE)(info->libraryVersion.minor + token.new_library);
	return rv;
}

static CK_RV list_mechanisms(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	CK_RV rv = real.C_GetMechanismList(slot, list, count);
	if (rv == CKR_OK && token.lacks_mechanism)
		--*count;
	return rv;
}

static CK_RV tell_mechanism(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	CK_RV rv = real.C_GetMechanismInfo(slot, type, info);
	if (type == CKM_RSA_PKCS && token.longer_keys)
		info->ulMaxKeySize *= 2;
	return rv;
}

static CK_RV make_pair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_template, CK_ULONG public_count,
                       CK_ATTRIBUTE *private_template, CK_ULONG private_count, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
	token.made++;
	if (token.is_short_of_memory)
		return CKR_DEVICE_MEMORY;
	return real.C_GenerateKeyPair(session, mechanism, public_template, public_count, private_template, private_count, public_key, private_key);
}

/* As whoever opens the token does it. */
static void identify(void)
{
	token_shut(house.tokens[0]);
	CU_ASSERT_EQUAL_FATAL(token_identify(house.tokens[0], identity, NULL), ERR_OK);
	token_admit(house.tokens[0]);
}

static void open_house(void)
{
	house_open(&house, 1);
	subject.domain = house.domains[0];
	p11 = token_functions(house.tokens[0]);
	real = *p11;
	p11->C_GetTokenInfo = tell_token;
	p11->C_GetInfo = tell_library;
	p11->C_GetMechanismList = list_mechanisms;
	p11->C_GetMechanismInfo = tell_mechanism;
	p11->C_GenerateKeyPair = make_pair;
	snprintf(memory, sizeof memory, "%s/probe", house.softhsm.folder);
	buf_init(&file, 1u << 20);
}

static void write_memory(size_t size)
{
	CU_ASSERT_EQUAL_FATAL(file_write(memory, file.data, size, 0600), ERR_OK);
}

/* The token is tried once for all of these, and the file of then is there again. */
static void begin(void)
{
	memset(&token, 0, sizeof token);
	wishes = (struct probe_wishes){ .bytes = { CKM_AES_CTR }, .bytes_count = 1, .node_generated = HELD_ED25519 };
	if (p11) {
		identify();
		write_memory(file.size);
		return;
	}
	open_house();
	identify();
	CU_ASSERT_EQUAL_FATAL(probe(subject.domain, &wishes, &found), ERR_OK);
	CU_ASSERT_FALSE(found.is_doubtful);
	CU_ASSERT_TRUE(token.made > 0);
	probe_remember(&subject, memory, &found);
	CU_ASSERT_EQUAL_FATAL(file_read(memory, &file), ERR_OK);
}

static void is_recalled(enum err expected)
{
	struct capabilities recalled;
	unsigned before = token.made;
	CU_ASSERT_EQUAL(probe_recall(&subject, memory, &recalled), expected);
	CU_ASSERT_EQUAL(token.made, before);
	capabilities_finish(&recalled);
}

static bool same(const struct capabilities *a, const struct capabilities *b)
{
	bool is_same = a->count == b->count;
	for (size_t i = 0; is_same && i < a->count; i++)
		is_same = a->list[i].type == b->list[i].type && a->list[i].flags == b->list[i].flags &&
		          a->list[i].key_size_min == b->list[i].key_size_min && a->list[i].key_size_max == b->list[i].key_size_max &&
		          a->list[i].takes_bytes == b->list[i].takes_bytes;
	return is_same;
}

static void what_was_found_is_remembered_and_nothing_is_tried_again(void)
{
	struct capabilities recalled;
	begin();
	unsigned made = token.made;
	CU_ASSERT_EQUAL_FATAL(probe_recall(&subject, memory, &recalled), ERR_OK);
	CU_ASSERT_EQUAL(token.made, made);
	CU_ASSERT_TRUE(same(&found, &recalled));
	CU_ASSERT_TRUE(capabilities_take_bytes(&recalled, CKM_AES_CTR));
	CU_ASSERT_PTR_NOT_NULL(capabilities_find(&recalled, CKM_EDDSA));
	capabilities_finish(&recalled);
}

/* The domain goes by it. */
static void what_the_node_makes_in_the_tokens_stead_is_remembered_too(void)
{
	begin();
	domain_set_held(subject.domain, 0, 0);
	is_recalled(ERR_OK);
	CU_ASSERT_EQUAL(domain_held_made(subject.domain), HELD_ED25519);
	CU_ASSERT_EQUAL(domain_held_allowed(subject.domain), HELD_ED25519);
}

static void is_known_again(bool *change, bool is_known)
{
	*change = true;
	identify();
	is_recalled(is_known ? ERR_OK : ERR_NOT_FOUND);
	*change = false;
	identify();
	is_recalled(ERR_OK);
}

static void whatever_may_change_what_it_can_do_means_a_new_trial(void)
{
	begin();
	is_known_again(&token.new_firmware, false);
	is_known_again(&token.new_library, false);
	is_known_again(&token.lacks_mechanism, false);
	is_known_again(&token.longer_keys, false);
	is_known_again(&token.fewer_tries, true); /* which is nothing of the kind */
	wishes.node_generated |= HELD_X25519;
	is_recalled(ERR_NOT_FOUND);
	wishes.node_generated = HELD_ED25519;
	wishes.bytes[0] = CKM_AES_CBC;
	is_recalled(ERR_NOT_FOUND);
}

static void another_start_of_the_machine_means_a_new_trial(void)
{
	begin();
	boot = "another";
	is_recalled(ERR_NOT_FOUND);
	boot = NULL;
	is_recalled(ERR_OK);
}

static const char *in_folder(const char *name)
{
	static char path[160];
	snprintf(path, sizeof path, "%s/%s", house.softhsm.folder, name);
	return path;
}

/* Whatever `change` does to a file that is there, the file is another from then on. */
static void is_another_after(void (*change)(const char *path))
{
	uint8_t before[SHA256_SIZE], now[SHA256_SIZE];
	const char *path = in_folder("file");
	file_identify(path, before);
	change(path);
	file_identify(path, now);
	CU_ASSERT(memcmp(before, now, sizeof now) != 0);
	file_identify(path, before);
	CU_ASSERT(memcmp(before, now, sizeof now) == 0);
}

static void put(const char *path, const char *text)
{
	CU_ASSERT_EQUAL_FATAL(file_write(path, text, strlen(text), 0600), ERR_OK);
}

static void make_file(const char *path)
{
	put(path, "a module");
}

/* Of the same size, and as old as before: a file of the same package. */
static void replace_file(const char *path)
{
	struct stat st;
	CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
	put(path, "a MODULE");
	CU_ASSERT_EQUAL_FATAL(utimensat(AT_FDCWD, path, (struct timespec[]){ st.st_atim, st.st_mtim }, 0), 0);
}

static void another_file_of_the_same_name_is_another_module(void)
{
	begin();
	is_another_after(make_file);
	is_another_after(replace_file);
	unlink(in_folder("file"));
}

static void copy_module(const char *path)
{
	struct buf module;
	buf_init(&module, 64u << 20);
	CU_ASSERT_EQUAL_FATAL(file_read(softhsm_module(), &module), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(file_write(path, module.data, module.size, 0700), ERR_OK);
	buf_finish(&module);
}

/* A module's own libraries, for example. */
static void another_library_in_memory_is_another_module(void)
{
	uint8_t before[SHA256_SIZE], with[SHA256_SIZE], now[SHA256_SIZE];
	const char *path = in_folder("library.so");
	begin();
	copy_module(path);
	objects_identify(before);
	void *library = dlopen(path, RTLD_NOW);
	CU_ASSERT_PTR_NOT_NULL_FATAL(library);
	objects_identify(with);
	CU_ASSERT(memcmp(before, with, sizeof with) != 0);
	copy_module(path);
	objects_identify(now);
	CU_ASSERT(memcmp(with, now, sizeof now) != 0);
	dlclose(library);
	unlink(path);
}

static void files_of(const char *path, uint8_t out[SHA256_SIZE])
{
	struct module module;
	CU_ASSERT_EQUAL_FATAL(module_load(&(struct token_config){ .module = path }, &module, NULL), ERR_OK);
	memcpy(out, module.files, SHA256_SIZE);
	module_close(&module);
}

/* What was loaded is one of the two, and nobody knows which: it is neither, ever. */
static void a_module_that_is_replaced_while_it_is_loaded_is_no_known_one(void)
{
	uint8_t before[SHA256_SIZE], amid[SHA256_SIZE], now[SHA256_SIZE];
	const char *path = in_folder("module.so");
	begin();
	copy_module(path);
	files_of(path, before);
	files_of(path, now);
	CU_ASSERT(memcmp(before, now, sizeof now) == 0);
	replaced = path;
	files_of(path, amid);
	replaced = NULL;
	files_of(path, now);
	CU_ASSERT(memcmp(before, now, sizeof now) != 0);
	CU_ASSERT(memcmp(amid, before, sizeof now) != 0 && memcmp(amid, now, sizeof now) != 0);
	unlink(path);
}

static void a_file_that_is_damaged_cut_or_missing_is_none(void)
{
	begin();
	for (size_t at = 0; at < file.size; at += 1 + file.size / 40) {
		file.data[at] ^= 1;
		write_memory(file.size);
		is_recalled(ERR_NOT_FOUND);
		file.data[at] ^= 1;
	}
	for (size_t size = 0; size < file.size; size += 1 + file.size / 10) {
		write_memory(size);
		is_recalled(ERR_NOT_FOUND);
	}
	buf_add_u8(&file, 0);
	write_memory(file.size--);
	is_recalled(ERR_NOT_FOUND);
	unlink(memory);
	is_recalled(ERR_NOT_FOUND);
	write_memory(file.size);
	is_recalled(ERR_OK);
}

/* Whoever can write the file can't make the HMAC; another domain's token makes another. */
static void another_domains_word_is_not_taken(void)
{
	struct complaint complaint = { "" };
	struct token *other;
	struct domain *domain;
	begin();
	softhsm_add("y");
	struct token_config config = softhsm_config(&house.softhsm, 0);
	config.uri = "pkcs11:token=y";
	CU_ASSERT_EQUAL_FATAL(domain_create(&config, house.softhsm.so_pin, &complaint), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(token_open(&config, &other, &complaint), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(domain_open(other, &domain, &complaint), ERR_OK);
	subject.domain = domain;
	is_recalled(ERR_NOT_FOUND);
	subject.domain = house.domains[0];
	is_recalled(ERR_OK);
	domain_close(domain);
	token_close(other);
}

/* A token that had other trouble meanwhile may be able to do more. Last: ends the house. */
static void what_is_in_doubt_is_not_remembered(void)
{
	struct capabilities doubtful;
	begin();
	unlink(memory);
	token.is_short_of_memory = true;
	CU_ASSERT_EQUAL_FATAL(probe(subject.domain, &wishes, &doubtful), ERR_OK);
	CU_ASSERT_TRUE(doubtful.is_doubtful);
	CU_ASSERT_PTR_NULL(capabilities_find(&doubtful, CKM_RSA_PKCS_KEY_PAIR_GEN));
	CU_ASSERT_PTR_NOT_NULL(capabilities_find(&doubtful, CKM_AES_KEY_GEN));
	probe_remember(&subject, memory, &doubtful);
	is_recalled(ERR_NOT_FOUND);
	capabilities_finish(&doubtful);
	capabilities_finish(&found);
	buf_finish(&file);
	*p11 = real;
	house_close(&house);
}

TESTS("backend: probe_memory",
      SAY(what_was_found_is_remembered_and_nothing_is_tried_again),
      SAY(what_the_node_makes_in_the_tokens_stead_is_remembered_too),
      SAY(whatever_may_change_what_it_can_do_means_a_new_trial),
      SAY(another_start_of_the_machine_means_a_new_trial),
      SAY(another_file_of_the_same_name_is_another_module),
      SAY(another_library_in_memory_is_another_module),
      SAY(a_module_that_is_replaced_while_it_is_loaded_is_no_known_one),
      SAY(a_file_that_is_damaged_cut_or_missing_is_none),
      SAY(another_domains_word_is_not_taken),
      SAY(what_is_in_doubt_is_not_remembered))
