#include "raft/configuration.h"
#include "raft/engine.h"
#include "tests/check.h"
#include <string.h>

static struct consensus_node node(uint64_t id, const char *name, const char *host, uint16_t port, bool voter)
{
	struct consensus_node n = { .id = id, .voter = voter, .address.port = port };
	strcpy(n.name, name);
	strcpy(n.address.host, host);
	return n;
}

static struct configuration three(void)
{
	struct configuration c = { .count = 3 };
	c.nodes[0] = node(1, "a", "10.0.0.1", 7000, true);
	c.nodes[1] = node(7, "b", "::1", 7001, true);
	c.nodes[2] = node(UINT64_MAX, "c", "host.example", 65535, false);
	return c;
}

static struct buf encoded(const struct configuration *c)
{
	struct buf bytes;
	buf_init(&bytes, 1u << 16);
	CU_ASSERT_EQUAL(configuration_encode(c, &bytes), ERR_OK);
	return bytes;
}

static void what_is_encoded_decodes_as_it_was(void)
{
	struct configuration c = three(), back;
	struct buf bytes = encoded(&c);
	CU_ASSERT_EQUAL(configuration_decode(bytes.data, bytes.size, &back), ERR_OK);
	CU_ASSERT_EQUAL(memcmp(&c, &back, sizeof c), 0);
	CU_ASSERT_EQUAL(configuration_voters(&back), 2);
	CU_ASSERT_PTR_EQUAL(configuration_find(&back, 7), &back.nodes[1]);
	CU_ASSERT_PTR_NULL(configuration_find(&back, 8));
	buf_finish(&bytes);
}

static void the_engine_reads_the_same_bytes(void)
{
	struct configuration c = three();
	struct raft_configuration engine;
	struct buf bytes = encoded(&c);
	struct raft_buffer view = { bytes.data, bytes.size };
	CU_ASSERT_EQUAL(raft_configuration_decode(&view, &engine), 0);
	CU_ASSERT_EQUAL(engine.n, 3);
	CU_ASSERT_STRING_EQUAL(engine.servers[1].address, "b@[::1]:7001");
	CU_ASSERT_EQUAL(engine.servers[2].role, RAFT_STANDBY);
	raft_configuration_close(&engine);
	buf_finish(&bytes);
}

static void no_other_bytes_are_taken(void)
{
	struct configuration c = three(), back;
	struct buf bytes = encoded(&c);
	for (size_t size = 0; size < bytes.size; size++)
		CU_ASSERT_EQUAL(configuration_decode(bytes.data, size, &back), ERR_MALFORMED);
	for (size_t i = 0; i < bytes.size; i++) {
		bytes.data[i] ^= 0x80; /* no bit of plain text, and ids may change */
		enum err err = configuration_decode(bytes.data, bytes.size, &back);
		CU_ASSERT_TRUE(err == ERR_MALFORMED || memcmp(&c, &back, sizeof c) != 0);
		bytes.data[i] ^= 0x80;
	}
	buf_add_u8(&bytes, 0);
	CU_ASSERT_EQUAL(configuration_decode(bytes.data, bytes.size, &back), ERR_MALFORMED);
	buf_finish(&bytes);
}

static enum err try(struct configuration c)
{
	struct buf bytes;
	buf_init(&bytes, 1u << 16);
	enum err err = configuration_encode(&c, &bytes);
	buf_finish(&bytes);
	return err;
}

static void what_can_not_be_written_is_refused(void)
{
	struct configuration c = three();
	c.count = 0;
	CU_ASSERT_EQUAL(try(c), ERR_CONFIG);
	c = three();
	c.nodes[2].id = 1;
	CU_ASSERT_EQUAL(try(c), ERR_CONFIG);
	c = three();
	c.nodes[0].id = 0;
	CU_ASSERT_EQUAL(try(c), ERR_CONFIG);
	c = three();
	strcpy(c.nodes[0].name, "a@b");
	CU_ASSERT_EQUAL(try(c), ERR_CONFIG);
	c = three();
	c.nodes[0].address.port = 0;
	CU_ASSERT_EQUAL(try(c), ERR_CONFIG);
	c = three();
	c.nodes[0].address.is_unix = true;
	CU_ASSERT_EQUAL(try(c), ERR_CONFIG);
	c = three();
	c.nodes[2].address = c.nodes[1].address;
	strcpy(c.nodes[2].name, c.nodes[1].name);
	CU_ASSERT_EQUAL(try(c), ERR_CONFIG);
}

static void the_longest_names_fit(void)
{
	struct configuration c = { .count = NODES_MAX }, back;
	for (size_t i = 0; i < NODES_MAX; i++) {
		c.nodes[i] = node(i + 1, "", "", 65535, true);
		memset(c.nodes[i].name, (int)('A' + i), IDENTITY_NAME_MAX);
		memset(c.nodes[i].address.host, 'h', sizeof c.nodes[i].address.host - 1);
	}
	struct buf bytes = encoded(&c);
	CU_ASSERT_EQUAL(configuration_decode(bytes.data, bytes.size, &back), ERR_OK);
	CU_ASSERT_EQUAL(memcmp(&c, &back, sizeof c), 0);
	buf_finish(&bytes);
}

static void a_snapshots_particulars_come_back(void)
{
	struct snapshot_meta meta = { .index = 9, .term = 3, .configuration_index = 4, .configuration = three() }, back;
	struct buf bytes;
	buf_init(&bytes, 1u << 16);
	CU_ASSERT_EQUAL(snapshot_meta_encode(&meta, &bytes), ERR_OK);
	struct cursor cursor = cursor_over(bytes.data, bytes.size);
	CU_ASSERT_EQUAL(snapshot_meta_decode(&cursor, &back), ERR_OK);
	CU_ASSERT_EQUAL(memcmp(&meta, &back, sizeof meta), 0);
	CU_ASSERT_EQUAL(cursor.size, 0);
	for (size_t size = 0; size < bytes.size; size++) {
		cursor = cursor_over(bytes.data, size);
		CU_ASSERT_EQUAL(snapshot_meta_decode(&cursor, &back), ERR_MALFORMED);
	}
	meta.configuration_index = 10; /* later than the snapshot itself */
	buf_reset(&bytes);
	snapshot_meta_encode(&meta, &bytes);
	cursor = cursor_over(bytes.data, bytes.size);
	CU_ASSERT_EQUAL(snapshot_meta_decode(&cursor, &back), ERR_MALFORMED);
	buf_finish(&bytes);
}

static void the_installed_engine_is_the_one_we_know(void)
{
	struct complaint complaint = { "" };
	CU_ASSERT_EQUAL(engine_check(&complaint), ERR_OK);
	CU_ASSERT_STRING_EQUAL(complaint.text, "");
}

TESTS("raft configuration", SAY(what_is_encoded_decodes_as_it_was), SAY(the_engine_reads_the_same_bytes),
      SAY(no_other_bytes_are_taken), SAY(what_can_not_be_written_is_refused), SAY(the_longest_names_fit),
      SAY(a_snapshots_particulars_come_back), SAY(the_installed_engine_is_the_one_we_know))
