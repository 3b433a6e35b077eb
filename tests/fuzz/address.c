#include "tests/fuzz/fuzz.h"
#include "wire/address.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address address;
	struct complaint complaint;
	char *text = calloc(1, size + 1);
	memcpy(text, data, size);
	if (address_parse(&address, text, &complaint) == ERR_OK)
		assert(address.host[0] && strlen(address.host) < sizeof address.host);
	else
		assert(complaint.text[0]);
	free(text);
	return 0;
}
