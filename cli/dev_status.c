/* craton dev status. */
#include "cli/control.h"
#include "cli/dev.h"
#include "cli/status.h"

static void print_table(const struct dev *dev, const struct process_status *processes,
                        const struct member_status *statuses)
{
	static struct table table;
	table_init(&table, "NODE PID PROCESS " STATUS_TITLES);
	for (size_t i = 0; i < dev->node_count; i++) {
		table_add(&table, "%s", dev->nodes[i].name);
		if (processes[i].pid)
			table_add(&table, "%d", (int)processes[i].pid);
		else
			table_add(&table, "-");
		table_add(&table, "%s", process_state_names[processes[i].state]);
		status_add_cells(&table, &statuses[i]);
	}
	table_print(&table, stdout);
	status_print_warnings(stdout, statuses, dev->node_count);
}

static void print_json(const struct dev *dev, const struct process_status *processes,
                       const struct member_status *statuses)
{
	json_member(stdout, "{", "dir", dev->dir);
	printf(",\"nodes\":[");
	for (size_t i = 0; i < dev->node_count; i++) {
		json_member(stdout, i ? ",{" : "{", "name", dev->nodes[i].name);
		json_number(stdout, ",", "pid", (uint64_t)processes[i].pid);
		json_member(stdout, ",", "process", process_state_names[processes[i].state]);
		json_number(stdout, ",", "restarts", processes[i].restarts);
		json_member(stdout, ",", "ending", processes[i].ending);
		status_add_json(stdout, &statuses[i]);
		printf("}");
	}
	printf("]}\n");
}

/* A cluster that is not running has a status too. */
static void status_of_stopped(const struct dev *dev, struct process_status *processes)
{
	for (size_t i = 0; i < dev->node_count; i++)
		processes[i] = (struct process_status){ .state = PROCESS_STOPPED };
}

int dev_status_run(const struct options *options)
{
	struct process_status processes[DEV_NODES_MAX];
	struct member_status statuses[MEMBERS_MAX] = { 0 };
	struct complaint complaint = { "" };
	char dir[DEV_PATH_MAX];
	struct asker asker;
	struct dev dev = { 0 };
	int exit_status = COMMAND_OK;
	enum err err = dev_folder(options, dir, &complaint);
	if (err == ERR_OK)
		err = dev_load(dir, &dev, &complaint);
	if (err == ERR_OK)
		err = asker_open(dev_path(&dev, NULL, "admin.conf"), &asker, &complaint);
	if (err != ERR_OK) {
		dev_release(&dev);
		return command_failed(&complaint);
	}
	if (control_status(&dev, processes, &complaint) != ERR_OK)
		status_of_stopped(&dev, processes);
	ask_status(&asker, statuses);
	for (size_t i = 0; i < dev.node_count; i++)
		if (!member_is_serving(&statuses[i]))
			exit_status = COMMAND_FAILED;
	(options->json ? print_json : print_table)(&dev, processes, statuses);
	member_status_release(statuses, asker.config.member_count);
	asker_close(&asker);
	dev_release(&dev);
	return exit_status;
}
