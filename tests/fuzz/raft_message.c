/* What one node's driver says to another's. Whatever parses is written the same way again, so there is one way only. */
#include "raft/message.h"
#include "tests/fuzz/fuzz.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message message;
	struct buf again;
	if (message_decode(data, size, &message) != ERR_OK)
		return 0;
	buf_init(&again, MESSAGE_SIZE_MAX);
	if (message_encode(&message, &again) != ERR_OK || again.size != size || memcmp(again.data, data, size) != 0)
		abort();
	buf_finish(&again);
	message_release(&message);
	return 0;
}
