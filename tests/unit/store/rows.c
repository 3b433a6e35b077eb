/* The digest is a sum: rows come and go in any order and leave no trace; no two rows hash alike. */
#include "tests/check.h"
#include "store/rows.h"
#include <string.h>

static struct row_key key;

static void key_of(const char *text)
{
	struct secret *secret = secret_create(text, strlen(text));
	row_key_finish(&key);
	row_key_derive(&key, secret);
	secret_destroy(secret);
}

static struct hash object_hash(uint32_t slot, unsigned char id, bool is_private, uint64_t version, const char *body)
{
	struct object_row row = { .slot = slot, .id = { { id } }, .is_private = is_private, .version = version,
	                          .body = { body, strlen(body) } };
	struct hash hash;
	object_row_hash(&key, &row, &hash);
	return hash;
}

static bool same(const struct hash *a, const struct hash *b)
{
	return !memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static void there_is_a_key(void)
{
	key_of("a secret");
}

static void what_was_added_can_be_taken_away_in_any_order(void)
{
	struct hash sum = { { 0 } }, nothing = { { 0 } }, rows[50];
	for (unsigned i = 0; i < 50; i++) {
		rows[i] = object_hash(1, (unsigned char)i, false, i, "body");
		hash_add(&sum, &rows[i]);
	}
	CU_ASSERT(!same(&sum, &nothing));
	for (unsigned i = 0; i < 50; i++)
		hash_subtract(&sum, &rows[i * 7 % 50]);
	CU_ASSERT(same(&sum, &nothing));
}

static void carries_run_through_all_bytes(void)
{
	struct hash sum, one = { { 0 } }, nothing = { { 0 } };
	memset(sum.bytes, 0xff, sizeof sum.bytes);
	struct hash ones = sum;
	one.bytes[SHA256_SIZE - 1] = 1;
	hash_add(&sum, &one);
	CU_ASSERT(same(&sum, &nothing));
	hash_subtract(&sum, &one);
	CU_ASSERT(same(&sum, &ones));
}

static void every_field_and_the_key_are_part_of_a_rows_hash(void)
{
	struct hash hash = object_hash(1, 2, true, 3, "body"), other;
	other = object_hash(2, 2, true, 3, "body");
	CU_ASSERT(!same(&hash, &other));
	other = object_hash(1, 3, true, 3, "body");
	CU_ASSERT(!same(&hash, &other));
	other = object_hash(1, 2, false, 3, "body");
	CU_ASSERT(!same(&hash, &other));
	other = object_hash(1, 2, true, 4, "body");
	CU_ASSERT(!same(&hash, &other));
	other = object_hash(1, 2, true, 3, "bodz");
	CU_ASSERT(!same(&hash, &other));
	key_of("another secret");
	other = object_hash(1, 2, true, 3, "body");
	CU_ASSERT(!same(&hash, &other));
	key_of("a secret");
	other = object_hash(1, 2, true, 3, "body");
	CU_ASSERT(same(&hash, &other));
}

static void a_copied_key_makes_the_same_hashes(void)
{
	struct row_key copy, kept = key;
	struct hash hash = object_hash(1, 2, true, 3, "body"), other;
	row_key_copy(&copy, &key);
	key = copy;
	other = object_hash(1, 2, true, 3, "body");
	key = kept;
	row_key_finish(&copy);
	CU_ASSERT(same(&hash, &other));
}

static void a_name_and_its_value_cannot_be_shifted_against_each_other(void)
{
	struct hash a, b;
	setting_row_hash(&key, "ab", &(struct bytes){ "c", 1 }, &a);
	setting_row_hash(&key, "a", &(struct bytes){ "bc", 2 }, &b);
	CU_ASSERT(!same(&a, &b));
}

static void there_is_no_key_any_more(void)
{
	row_key_finish(&key);
}

TESTS("store: rows",
	SAY(there_is_a_key),
	SAY(what_was_added_can_be_taken_away_in_any_order),
	SAY(carries_run_through_all_bytes),
	SAY(every_field_and_the_key_are_part_of_a_rows_hash),
	SAY(a_copied_key_makes_the_same_hashes),
	SAY(a_name_and_its_value_cannot_be_shifted_against_each_other),
	SAY(there_is_no_key_any_more))
