#include "pkcs11/stream.h"
#include <assert.h>
#include <string.h>

enum chaining { CHAIN_NONE, CHAIN_CIPHER_BLOCK, CHAIN_KEY_STREAM, CHAIN_COUNTER };

struct stream_mode {
	CK_MECHANISM_TYPE type;
	CK_MECHANISM_TYPE piece;  /* what all pieces but the last are */
	enum chaining chaining;
	size_t block_size;
	bool pads;
	bool takes_any_end;       /* the last piece need not be whole */
};

static const struct stream_mode modes[] = {
	{ CKM_AES_ECB, CKM_AES_ECB, CHAIN_NONE, 16, false, false },
	{ CKM_AES_CBC, CKM_AES_CBC, CHAIN_CIPHER_BLOCK, 16, false, false },
	{ CKM_AES_CBC_PAD, CKM_AES_CBC, CHAIN_CIPHER_BLOCK, 16, true, true },
	{ CKM_AES_CTR, CKM_AES_CTR, CHAIN_COUNTER, 16, false, true },
	{ CKM_AES_OFB, CKM_AES_OFB, CHAIN_KEY_STREAM, 16, false, true },
	{ CKM_AES_CFB8, CKM_AES_CFB8, CHAIN_CIPHER_BLOCK, 16, false, true }, /* its register is the last 16 bytes, too */
	{ CKM_AES_CFB64, CKM_AES_CFB64, CHAIN_CIPHER_BLOCK, 16, false, true },
	{ CKM_AES_CFB128, CKM_AES_CFB128, CHAIN_CIPHER_BLOCK, 16, false, true },
	{ CKM_DES3_ECB, CKM_DES3_ECB, CHAIN_NONE, 8, false, false },
	{ CKM_DES3_CBC, CKM_DES3_CBC, CHAIN_CIPHER_BLOCK, 8, false, false },
	{ CKM_DES3_CBC_PAD, CKM_DES3_CBC, CHAIN_CIPHER_BLOCK, 8, true, true },
	{ CKM_DES_ECB, CKM_DES_ECB, CHAIN_NONE, 8, false, false },
	{ CKM_DES_CBC, CKM_DES_CBC, CHAIN_CIPHER_BLOCK, 8, false, false },
	{ CKM_DES_CBC_PAD, CKM_DES_CBC, CHAIN_CIPHER_BLOCK, 8, true, true },
	{ CKM_CAMELLIA_ECB, CKM_CAMELLIA_ECB, CHAIN_NONE, 16, false, false },
	{ CKM_CAMELLIA_CBC, CKM_CAMELLIA_CBC, CHAIN_CIPHER_BLOCK, 16, false, false },
	{ CKM_CAMELLIA_CBC_PAD, CKM_CAMELLIA_CBC, CHAIN_CIPHER_BLOCK, 16, true, true },
};

static const struct stream_mode *find_mode(uint64_t type)
{
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (modes[i].type == type)
			return &modes[i];
	return NULL;
}

/* The first piece's chain comes with the mechanism; one that is not as it should be is the token's to refuse. */
static bool take_chain(struct stream *stream, const Craton__Mechanism *mechanism)
{
	const ProtobufCBinaryData *block = NULL;
	if (stream->mode->chaining == CHAIN_NONE)
		return true;
	if (stream->mode->chaining == CHAIN_COUNTER && mechanism->parameter_case == CRATON__MECHANISM__PARAMETER_CTR) {
		block = &mechanism->ctr->block;
		stream->counter_bits = (unsigned)mechanism->ctr->counter_bits;
	} else if (mechanism->parameter_case == CRATON__MECHANISM__PARAMETER_RAW) {
		block = &mechanism->raw;
	}
	if (!block || block->len != stream->mode->block_size || stream->counter_bits > 8 * STREAM_BLOCK_MAX)
		return false;
	memcpy(stream->chain, block->data, block->len);
	return true;
}

bool stream_init(struct stream *stream, const Craton__Mechanism *mechanism, bool is_decrypting)
{
	*stream = (struct stream){ .mode = find_mode(mechanism->type), .is_decrypting = is_decrypting };
	if (stream->mode && !take_chain(stream, mechanism))
		stream->mode = NULL;
	return stream->mode != NULL;
}

bool stream_is_mixed(const struct stream *stream)
{
	return stream->mode->type != stream->mode->piece;
}

/* Decryption that unpads must keep the last block back, whole as it may be. */
static bool keeps_last(const struct stream *stream)
{
	return stream->mode->pads && stream->is_decrypting;
}

size_t stream_ready(const struct stream *stream, size_t size)
{
	size_t all = stream->held_size + size, block = stream->mode->block_size;
	if (keeps_last(stream) && all)
		return (all - 1) / block * block;
	return all / block * block;
}

bool stream_has_end(const struct stream *stream)
{
	return stream->held_size > 0 || stream->mode->pads;
}

size_t stream_end_size(const struct stream *stream, bool *exact)
{
	*exact = !keeps_last(stream);
	return stream->mode->pads ? stream->mode->block_size : stream->held_size;
}

static CK_RV check_rest(const struct stream *stream, size_t rest)
{
	bool is_whole = rest == 0;
	if (keeps_last(stream))
		is_whole = rest == stream->mode->block_size;
	if (is_whole || (stream->mode->takes_any_end && !keeps_last(stream)))
		return CKR_OK;
	return stream->is_decrypting ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE;
}

CK_RV stream_check_end(const struct stream *stream)
{
	return check_rest(stream, stream->held_size);
}

CK_RV stream_check_size(const struct stream *stream, size_t size)
{
	return check_rest(stream, size - stream_ready(stream, size));
}

size_t stream_block_size(const struct stream *stream)
{
	return stream->mode->block_size;
}

struct bytes stream_skip(struct stream *stream, struct bytes data)
{
	size_t block = stream->mode->block_size;
	const uint8_t *end = (const uint8_t *)data.data + data.size;
	assert(keeps_last(stream));
	if (data.size < block)
		return (struct bytes){ NULL, 0 };
	if (data.size >= 2 * block)
		memcpy(stream->chain, end - 2 * block, block);
	return (struct bytes){ end - block, block };
}

CK_RV stream_piece(const struct stream *stream, bool is_end, struct piece *piece)
{
	if (stream->is_exhausted)
		return CKR_DATA_LEN_RANGE;
	craton__mechanism__init(&piece->mechanism);
	craton__ctr_parameter__init(&piece->counter);
	memcpy(piece->chain, stream->chain, sizeof piece->chain);
	piece->mechanism.type = is_end ? stream->mode->type : stream->mode->piece;
	if (stream->mode->chaining == CHAIN_CIPHER_BLOCK || stream->mode->chaining == CHAIN_KEY_STREAM) {
		piece->mechanism.parameter_case = CRATON__MECHANISM__PARAMETER_RAW;
		piece->mechanism.raw = (ProtobufCBinaryData){ stream->mode->block_size, piece->chain };
	} else if (stream->mode->chaining == CHAIN_COUNTER) {
		piece->counter.counter_bits = stream->counter_bits;
		piece->counter.block = (ProtobufCBinaryData){ stream->mode->block_size, piece->chain };
		piece->mechanism.parameter_case = CRATON__MECHANISM__PARAMETER_CTR;
		piece->mechanism.ctr = &piece->counter;
	}
	return CKR_OK;
}

/* The low counter_bits of the block, big endian, and the rest stays as it is. A counter that comes round would
 * repeat the key stream: that is the end of it. */
static void count_blocks(struct stream *stream, uint64_t blocks)
{
	unsigned bits = stream->counter_bits;
	for (size_t i = stream->mode->block_size; bits && i-- > 0;) {
		unsigned width = bits < 8 ? bits : 8, mask = (1u << width) - 1;
		uint64_t sum = (stream->chain[i] & mask) + (blocks & mask);
		stream->chain[i] = (uint8_t)((stream->chain[i] & ~mask) | (sum & mask));
		blocks = (blocks >> width) + (sum >> width);
		bits -= width;
	}
	stream->is_exhausted |= blocks != 0;
}

static void key_stream(struct stream *stream, const uint8_t *in, const uint8_t *out)
{
	for (size_t i = 0; i < stream->mode->block_size; i++)
		stream->chain[i] = in[i] ^ out[i];
}

void stream_done(struct stream *stream, struct bytes in, struct bytes out)
{
	struct bytes cipher = stream->is_decrypting ? in : out;
	size_t block = stream->mode->block_size;
	if (stream->mode->chaining == CHAIN_CIPHER_BLOCK && cipher.size >= block)
		memcpy(stream->chain, (const uint8_t *)cipher.data + cipher.size - block, block);
	else if (stream->mode->chaining == CHAIN_KEY_STREAM && in.size >= block)
		key_stream(stream, (const uint8_t *)in.data + in.size - block, (const uint8_t *)out.data + out.size - block);
	else if (stream->mode->chaining == CHAIN_COUNTER)
		count_blocks(stream, in.size / block);
	stream->held_size = 0;
}

void stream_hold(struct stream *stream, const uint8_t *rest, size_t size)
{
	assert(stream->held_size + size <= sizeof stream->held);
	if (size)
		memcpy(stream->held + stream->held_size, rest, size);
	stream->held_size += size;
}
