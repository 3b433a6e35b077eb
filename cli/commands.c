/* What `craton` can do. */
#include "cli/command.h"

#define ROW(field, name, value, summary) { name, value, offsetof(struct options, field), summary }

const struct option command_options[] = {
	ROW(allow, "allow", "WHO[,WHO...]", "who may see the slot: client:NAME (a certificate's), user:NAME (a local user), or everyone"),
	ROW(conf, "conf", "FILE", "(or -c FILE) the nodes and how to reach them; otherwise $CRATON_ADMIN_CONF, else found as the module finds its craton.conf"),
	ROW(dir, "dir", "DIR", "where the cluster lives; otherwise $XDG_DATA_HOME/craton-dev or ~/.local/share/craton-dev"),
	ROW(help, "help", NULL, "this text"),
	ROW(json, "json", NULL, "answer as JSON, for programs"),
	ROW(label, "label", "TEXT", "the token label that applications see, at most 32 bytes"),
	ROW(module, "module", "FILE", "the PKCS#11 module under the nodes; otherwise SoftHSM"),
	ROW(nodes, "nodes", "N", "how many nodes, 1 to 9; otherwise 3"),
	ROW(pin_file, "pin-file", "FILE", "the user PIN; otherwise $CRATON_PIN, else asked for on the terminal"),
	ROW(so_pin_file, "so-pin-file", "FILE", "the security officer's PIN; otherwise $CRATON_SO_PIN, else asked for on the terminal"),
	ROW(transport, "transport", "unix|tls", "how the written craton.conf reaches the nodes; otherwise unix"),
	ROW(yes, "yes", NULL, "do not ask"),
	{ NULL, NULL, 0, NULL },
};

const struct command commands[] = {
	{ "status", NULL, "conf json", "show every member: its role, state and place in the log",
	  "Exits with 1 unless every member of the configuration is serving.", false, status_run },
	{ "slot create", NULL, "allow conf label pin-file so-pin-file", "make a virtual slot",
	  "Prints the slot's id and serial number. The PINs are never taken from the command line.\n"
	  "Without --allow every client of the cluster sees it.", false, slot_create_run },
	{ "slot list", NULL, "conf json", "list the virtual slots and who may see them", NULL, false, slot_list_run },
	{ "slot access", "SLOT", "allow conf", "say anew who may see SLOT (an id or a label)",
	  "Whoever is not named can no longer use it, from now on and with whatever ticket.", false, slot_access_run },
	{ "slot remove", "SLOT", "conf yes", "remove SLOT (an id or a label) with all keys in it, for good",
	  "Asks for confirmation on the terminal.", false, slot_remove_run },
	{ "cluster show", NULL, "conf json", "show the settings of the cluster", NULL, false, cluster_show_run },
	{ "cluster set", "NAME VALUE", "conf", "change a setting of the cluster, for all members at once",
	  "minority serve | refuse         what a member out of contact with the majority does with the keys there are\n"
	  "reads session | linearizable    as of when the directory is read: what the process has seen, or now", false, cluster_set_run },
	{ "member set", "NODE DUTY", "conf", "make NODE active, standby or draining",
	  "active      serves\n"
	  "standby     serves when no active member is left\n"
	  "draining    finishes what it has and gets nothing new", false, member_set_run },
	{ "snapshot", "[NODE]", "conf", "have NODE, or every member, write a snapshot and shorten its log", NULL, false, snapshot_run },
	{ "transfer", "NODE", "conf", "hand the leadership over to NODE", NULL, false, transfer_run },
	{ "dev start", "[NODE]", "dir nodes module transport", "make a cluster on this machine, or start an existing one (or one node of it)",
	  "A cluster that is there already is started as it was. Everything in DIR is an ordinary\n"
	  "configuration, which `cratond -c DIR/NODE/cratond.conf` runs by itself. Source DIR/env\n"
	  "in a shell to use the cluster from there.", false, dev_start_run },
	{ "dev status", NULL, "dir json", "show each node's process, role, state and place in the log",
	  "Exits with 1 unless every node is serving.", false, dev_status_run },
	{ "dev kill", "NODE", "dir", "kill NODE with SIGKILL and leave it dead", "`craton dev start NODE` brings it back.", false, dev_kill_run },
	{ "dev stop", "[NODE]", "dir", "stop NODE in good order, or the whole cluster", "`craton dev start` goes on from there.", false, dev_stop_run },
	{ "dev client", "NAME", "dir", "make a certificate for another client, and a craton.conf that uses it over TLS",
	  "Writes DIR/certificates/client-NAME.pem and .key, and DIR/certificates/client-NAME.conf.", false, dev_client_run },
	{ "dev destroy", NULL, "dir", "stop the cluster and remove DIR with all keys in it", NULL, false, dev_destroy_run },
	{ "dev supervise", NULL, "dir", "keep the nodes running", NULL, true, dev_supervise_run },
	{ NULL, NULL, NULL, NULL, NULL, false, NULL },
};
