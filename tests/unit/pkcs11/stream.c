#include "pkcs11/stream.h"
#include "tests/check.h"
#include <string.h>

static uint8_t block[16];

static struct stream counting(unsigned bits, const uint8_t start[16])
{
	struct stream stream;
	Craton__Mechanism mechanism;
	Craton__CtrParameter parameter = CRATON__CTR_PARAMETER__INIT;
	craton__mechanism__init(&mechanism);
	memcpy(block, start, 16);
	parameter.counter_bits = bits;
	parameter.block = (ProtobufCBinaryData){ 16, block };
	mechanism.type = CKM_AES_CTR;
	mechanism.parameter_case = CRATON__MECHANISM__PARAMETER_CTR;
	mechanism.ctr = &parameter;
	CU_ASSERT(stream_init(&stream, &mechanism, false));
	return stream;
}

static void pass(struct stream *stream, size_t blocks)
{
	static uint8_t data[1024];
	stream_done(stream, (struct bytes){ data, blocks * 16 }, (struct bytes){ data, blocks * 16 });
}

static void a_counter_counts_blocks_in_its_own_bits(void)
{
	static const uint8_t start[16] = { [13] = 0xab, [14] = 0xff, [15] = 0xfe };
	struct stream wide = counting(128, start);
	pass(&wide, 3);
	CU_ASSERT(wide.chain[13] == 0xac && wide.chain[14] == 0 && wide.chain[15] == 1 && !wide.is_exhausted);
	struct stream narrow = counting(20, (const uint8_t[16]){ [12] = 7, [13] = 0xab, [14] = 0xff, [15] = 0xfe });
	pass(&narrow, 3);
	CU_ASSERT(narrow.chain[12] == 7 && narrow.chain[13] == 0xac && narrow.chain[15] == 1);
}

static void a_counter_that_comes_round_is_never_used_again(void)
{
	struct piece piece;
	struct stream stream = counting(4, (const uint8_t[16]){ [15] = 0xae });
	CU_ASSERT_EQUAL(stream_piece(&stream, false, &piece), CKR_OK);
	pass(&stream, 1);
	CU_ASSERT(stream.chain[15] == 0xaf && stream_piece(&stream, false, &piece) == CKR_OK);
	pass(&stream, 1);
	CU_ASSERT_EQUAL(stream.chain[15], 0xa0);
	CU_ASSERT_EQUAL(stream_piece(&stream, false, &piece), CKR_DATA_LEN_RANGE);
}

static void a_mechanism_without_the_parameter_it_needs_is_not_cut(void)
{
	struct stream stream;
	Craton__Mechanism mechanism;
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_AES_CBC;
	CU_ASSERT(!stream_init(&stream, &mechanism, false));
	mechanism.parameter_case = CRATON__MECHANISM__PARAMETER_RAW;
	mechanism.raw = (ProtobufCBinaryData){ 8, block };
	CU_ASSERT(!stream_init(&stream, &mechanism, false));
	mechanism.type = CKM_AES_GCM;
	CU_ASSERT(!stream_init(&stream, &mechanism, false));
	mechanism.type = CKM_AES_ECB;
	CU_ASSERT(stream_init(&stream, &mechanism, false));
}

static void unpadding_keeps_the_last_block_back(void)
{
	struct stream stream;
	Craton__Mechanism mechanism;
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_AES_CBC_PAD;
	mechanism.parameter_case = CRATON__MECHANISM__PARAMETER_RAW;
	mechanism.raw = (ProtobufCBinaryData){ 16, block };
	CU_ASSERT(stream_init(&stream, &mechanism, true));
	CU_ASSERT_EQUAL(stream_ready(&stream, 16), 0);
	CU_ASSERT_EQUAL(stream_ready(&stream, 17), 16);
	CU_ASSERT_EQUAL(stream_ready(&stream, 32), 16);
	CU_ASSERT(stream_init(&stream, &mechanism, false));
	CU_ASSERT_EQUAL(stream_ready(&stream, 16), 16);
	CU_ASSERT_EQUAL(stream_ready(&stream, 15), 0);
}

TESTS("pkcs11 stream", SAY(a_counter_counts_blocks_in_its_own_bits), SAY(a_counter_that_comes_round_is_never_used_again),
	SAY(a_mechanism_without_the_parameter_it_needs_is_not_cut), SAY(unpadding_keeps_the_last_block_back))
