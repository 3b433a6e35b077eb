/* A node tries its token at its first start, and then remembers. Whether it tried shows in what it offers: the token makes no pairs any more. */
#include "base/file.h"
#include "tests/unit/node/fake_consensus.h"
#include "tests/unit/node/house.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct node_house house;
static char control[64]; /* tests/fault/token/faults.h */

static void use_shim(void)
{
	snprintf(control, sizeof control, "/tmp/craton-trial-%d.conf", (int)getpid());
	unlink(control);
	setenv("SOFTHSM_MODULE", getenv("FAULT_TOKEN"), 1);
	setenv("CRATON_SHIM_CONTROL", control, 1);
}

/* It answers CKR_FUNCTION_NOT_SUPPORTED. */
static void makes_no_pairs(void)
{
	static const char order[] = "error = 0x54\nerror_function = C_GenerateKeyPair\n";
	CU_ASSERT_EQUAL_FATAL(file_write(control, order, sizeof order - 1, 0600), ERR_OK);
}

static bool offers(CK_MECHANISM_TYPE type)
{
	return capabilities_find(&house.node->capabilities, type) != NULL;
}

static void end(void)
{
	house_close(&house);
	unlink(control);
}

/* It has been tried, and is not any more what it was then. */
static void begin(void)
{
	use_shim();
	house_prepare(&house);
	house_start(&house, false);
	CU_ASSERT_TRUE(offers(CKM_RSA_PKCS_KEY_PAIR_GEN));
	CU_ASSERT_TRUE(offers(CKM_AES_KEY_GEN));
	house_stop(&house);
	makes_no_pairs();
}

static void what_it_could_do_is_known_at_the_next_start(void)
{
	begin();
	house_start(&house, false);
	CU_ASSERT_EQUAL(node_state(house.node), NODE_SERVING);
	CU_ASSERT_TRUE(offers(CKM_RSA_PKCS_KEY_PAIR_GEN));
	CU_ASSERT_TRUE(offers(CKM_AES_KEY_GEN));
	end();
}

static void is_tried_anew(void)
{
	house_start(&house, false);
	CU_ASSERT_FALSE(offers(CKM_RSA_PKCS_KEY_PAIR_GEN));
	CU_ASSERT_TRUE(offers(CKM_AES_KEY_GEN));
	end();
}

static void without_the_file_it_is_tried_anew(void)
{
	begin();
	CU_ASSERT_EQUAL_FATAL(unlink(house_file(&house, "state/probe")), 0);
	is_tried_anew();
}

static void with_a_damaged_file_it_is_tried_anew(void)
{
	struct buf file;
	begin();
	buf_init(&file, 1u << 20);
	CU_ASSERT_EQUAL_FATAL(file_read(house_file(&house, "state/probe"), &file), ERR_OK);
	file.data[file.size / 2] ^= 1;
	CU_ASSERT_EQUAL_FATAL(file_write(house_file(&house, "state/probe"), file.data, file.size, 0600), ERR_OK);
	buf_finish(&file);
	is_tried_anew();
}

TESTS("node trial", SAY(what_it_could_do_is_known_at_the_next_start), SAY(without_the_file_it_is_tried_anew),
      SAY(with_a_damaged_file_it_is_tried_anew))
