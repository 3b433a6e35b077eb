/* A cluster on one machine, for trying things out and for tests: `craton dev`.
 *
 *	DIR/dev.conf            what was asked for; its presence marks the folder as ours
 *	DIR/env                 for a shell: . DIR/env
 *	DIR/craton.conf         for applications;  DIR/admin.conf for the `craton` command
 *	DIR/craton.module       for p11-kit
 *	DIR/authority/          the cluster's certificate authority
 *	DIR/certificates/       of the application (client) and of the administrator (admin)
 *	DIR/slot.pin, slot.so-pin
 *	DIR/control             the supervisor's socket; supervisor.pid, supervisor.log
 *	DIR/NODE/               all that one cratond has: cratond.conf, certificate, cluster secret,
 *	                        PINs of its token, the token itself, state, socket and log
 */
#pragma once
#include "cli/command.h"
#include <stdint.h>
#include <stdio.h>

#define DEV_NODES_MAX 9 /* one digit is enough; 7 of them vote */
#define DEV_PATH_MAX 1024

enum dev_transport { DEV_UNIX, DEV_TLS };

struct dev_node {
	char *name;              /* "a", "b", ... */
	int64_t peer_port;       /* on 127.0.0.1, for the other nodes */
	int64_t client_port;     /* on 127.0.0.1, for applications */
};

struct dev {
	char *dir;               /* absolute; not read from the file */
	char *module;            /* the PKCS#11 module under the nodes, absolute */
	bool is_softhsm;         /* so each node gets a SoftHSM folder of its own */
	int transport;           /* enum dev_transport */
	bool is_made;            /* false while `dev start` is still making it */
	struct dev_node *nodes;
	size_t node_count;
};

/* Where the programs are: beside this one, or where they were installed. */
struct dev_programs {
	char craton[DEV_PATH_MAX], cratond[DEV_PATH_MAX], module[DEV_PATH_MAX];
};
enum err dev_find_programs(struct dev_programs *programs, struct complaint *complaint);

/* The folder the options name, absolute. */
enum err dev_folder(const struct options *options, char dir[DEV_PATH_MAX], struct complaint *complaint);
/* Holds the folder against another `craton dev` command until the fd is closed. */
enum err dev_hold(const char *dir, int *fd, struct complaint *complaint);
/* ERR_NOT_FOUND if the folder is not one of ours. */
enum err dev_load(const char *dir, struct dev *dev, struct complaint *complaint);
enum err dev_save(const struct dev *dev, struct complaint *complaint);
/* A new one from the options: names, free ports, module. Nothing is written. */
enum err dev_plan(const struct options *options, const char *dir, struct dev *dev, struct complaint *complaint);
void dev_release(struct dev *dev);
/* NULL with a complaint. */
const struct dev_node *dev_find_node(const struct dev *dev, const char *name, struct complaint *complaint);

/* DIR/name, or DIR/NODE/name; in one of a few buffers in turn: for arguments of a call, not for keeping. */
const char *dev_path(const struct dev *dev, const struct dev_node *node, const char *name);

/* What a node's token needs in its environment, "NAME=value"; NULL if nothing. As dev_path, not for keeping. */
const char *dev_node_environment(const struct dev *dev, const struct dev_node *node);

/* The parts of making one, in this order. */
enum err dev_make_folders(const struct dev *dev, struct complaint *complaint);
enum err dev_make_certificates(const struct dev *dev, struct complaint *complaint);
/* A further client's certificate, and a craton.conf with it. */
enum err dev_make_client(const struct dev *dev, const char *client, struct complaint *complaint);
enum err dev_make_secrets(const struct dev *dev, struct complaint *complaint);
enum err dev_make_configuration(const struct dev *dev, const struct dev_programs *programs, struct complaint *complaint);
enum err dev_make_tokens(const struct dev *dev, struct complaint *complaint);
enum err dev_make_domain(const struct dev *dev, const struct dev_programs *programs, struct complaint *complaint);

/* Text files: one writer for all. `mode` as in file_write. */
struct text {
	FILE *file;
	char *data;
	size_t size;
};
bool text_open(struct text *text);
enum err text_save(struct text *text, const char *path, unsigned mode, struct complaint *complaint);
