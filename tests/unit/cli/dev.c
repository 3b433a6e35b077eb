/* What was planned for a dev cluster is what is found again. */
#include "cli/dev.h"
#include "tests/check.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];

static void plan(struct options *options, struct dev *dev)
{
	struct complaint complaint = { "" };
	strcpy(folder, "/tmp/craton-dev-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	options->module = "/bin/sh"; /* any file that is there */
	CU_ASSERT_EQUAL_FATAL(dev_plan(options, folder, dev, &complaint), ERR_OK);
}

static void seven_nodes_have_fourteen_ports(void)
{
	struct options options = { .nodes = "7" };
	struct dev dev;
	plan(&options, &dev);
	CU_ASSERT_EQUAL(dev.node_count, 7);
	for (size_t i = 0; i < dev.node_count; i++)
		for (size_t j = 0; j < dev.node_count; j++) {
			CU_ASSERT_TRUE(i == j || dev.nodes[i].peer_port != dev.nodes[j].peer_port);
			CU_ASSERT_TRUE(dev.nodes[i].peer_port != dev.nodes[j].client_port);
		}
	CU_ASSERT_STRING_EQUAL(dev.nodes[6].name, "g");
	dev_release(&dev);
	rmdir(folder);
}

static void a_plan_survives_its_file(void)
{
	struct options options = { .transport = "tls" };
	struct complaint complaint = { "" };
	struct dev dev, again;
	plan(&options, &dev);
	dev.is_made = true;
	CU_ASSERT_EQUAL(dev_save(&dev, &complaint), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(dev_load(folder, &again, &complaint), ERR_OK);
	CU_ASSERT_EQUAL(again.node_count, 3);
	CU_ASSERT_EQUAL(again.transport, DEV_TLS);
	CU_ASSERT_TRUE(again.is_made);
	CU_ASSERT_FALSE(again.is_softhsm);
	CU_ASSERT_EQUAL(again.nodes[2].client_port, dev.nodes[2].client_port);
	unlink(dev_path(&dev, NULL, "dev.conf"));
	rmdir(folder);
	dev_release(&again);
	dev_release(&dev);
}

static void wrong_wishes_are_refused(void)
{
	struct complaint complaint = { "" };
	struct dev dev;
	CU_ASSERT_EQUAL(dev_plan(&(struct options){ .nodes = "0", .module = "/bin/sh" }, "/tmp/x", &dev, &complaint), ERR_CONFIG);
	CU_ASSERT_EQUAL(dev_plan(&(struct options){ .nodes = "10", .module = "/bin/sh" }, "/tmp/x", &dev, &complaint), ERR_CONFIG);
	CU_ASSERT_EQUAL(dev_plan(&(struct options){ .nodes = "33", .module = "/bin/sh" }, "/tmp/x", &dev, &complaint), ERR_CONFIG);
	CU_ASSERT_EQUAL(dev_plan(&(struct options){ .transport = "pigeon", .module = "/bin/sh" }, "/tmp/x", &dev, &complaint), ERR_CONFIG);
	CU_ASSERT_EQUAL(dev_plan(&(struct options){ .module = "/nonexistent.so" }, "/tmp/x", &dev, &complaint), ERR_CONFIG);
}

static void sockets_must_fit_their_addresses(void)
{
	struct complaint complaint = { "" };
	char dir[150] = "/tmp/";
	struct dev dev;
	memset(dir + 5, 'x', sizeof dir - 6);
	CU_ASSERT_EQUAL(dev_plan(&(struct options){ .module = "/bin/sh" }, dir, &dev, &complaint), ERR_CONFIG);
}

TESTS("cli dev",
      SAY(seven_nodes_have_fourteen_ports),
      SAY(a_plan_survives_its_file),
      SAY(wrong_wishes_are_refused),
      SAY(sockets_must_fit_their_addresses))
