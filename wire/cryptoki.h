/* PKCS#11 as p11-kit declares it (2.40, or a part of 3.0), and what its header lacks. */
#pragma once
#include <p11-kit/pkcs11.h>
#include <p11-kit/pkcs11x.h>

/* Macros that the header forgets to take back; they would rename our messages' fields. */
#undef aad_len
#undef aad_ptr
#undef counter_bits
#undef data_params
#undef hash_alg
#undef iv_bits
#undef iv_len
#undef iv_ptr
#undef public_data
#undef public_data_len
#undef s_len
#undef shared_data
#undef shared_data_len
#undef source_data
#undef source_data_len
#undef string_data
#undef string_data_len
#undef tag_bits

#include "wire/cryptoki3.h"
