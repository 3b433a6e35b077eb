/* A node's settings. */
#include "node/config.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct node_config config;
	struct complaint complaint = { "" };
	if (node_config_parse("/etc/craton/fuzz.conf", (const char *)data, size, &config, &complaint) == ERR_OK)
		node_config_release(&config);
	return 0;
}
