#include "node/daemon.h"
#include "base/log.h"
#include "node/certificate.h"
#include "node/node.h"
#include "node/server.h"
#include "node/signals.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define BETWEEN_LOOKS_MS 60000 /* at how long our certificate is good */

int exit_status(enum err err)
{
	switch (err) {
	case ERR_OK:
		return EX_OK;
	case ERR_CONFIG:
	case ERR_NOT_FOUND:
	case ERR_REFUSED:
		return EX_CONFIG;
	case ERR_BUSY:
		return EX_TEMPFAIL;
	case ERR_DAMAGED:
		return EX_DATAERR;
	default:
		return EX_OSERR;
	}
}

/* New certificates, before the old ones end. What is wrong with them is said, and those at hand serve on. */
static void reload(struct node *node, const struct node_config *config)
{
	struct complaint why = { "" };
	if (tls_reload(node->tls, config->authority_file, config->certificate_file, config->key_file, &why) == ERR_OK)
		log_info("node", "certificates read anew");
	else
		log_error("node", "certificates not read anew: %s", why.text);
}

/* Which signal ends us. */
static int serve(struct node *node, const struct node_config *config)
{
	int which;
	do {
		certificate_look(node);
		which = signals_take(BETWEEN_LOOKS_MS);
		if (which == SIGHUP)
			reload(node, config);
	} while (!which || which == SIGHUP);
	return which;
}

static int refuse(enum err err, const struct complaint *complaint)
{
	fprintf(stderr, "cratond: %s\n", *complaint->text ? complaint->text : err_name(err));
	return exit_status(err);
}

static void say_ready(const struct node_config *config)
{
	log_info("node", "ready name=%s id=%lld unix=%s tls=%s", config->name, (long long)config->id,
	         config->unix_path ? config->unix_path : "-", config->tls_listen_text ? config->tls_listen_text : "-");
	sd_notifyf(0, "READY=1\nSTATUS=serving as %s\nMAINPID=%ld", config->name, (long)getpid());
}

/* Calls in progress first, then leadership. A thread that is lost in its token must not be pulled the ground from
 * under: then what is durable is durable, and the kernel clears up the rest. */
static void stop(struct server *server, struct node *node, const struct node_config *config)
{
	node_set_state(node, NODE_STOPPING);
	sd_notify(0, "STOPPING=1");
	bool gone = !server || server_stop(server, deadline_in(config->stop_ms));
	if (gone)
		node_stop(node, deadline_in(config->stop_ms));
	else
		node_hand_over(node, deadline_in(config->stop_ms));
	log_info("node", "stopped name=%s", config->name);
	if (!gone)
		_exit(EX_OK);
}

static enum err start(const struct node_config *config, struct node **node, struct server **server, struct complaint *complaint)
{
	enum err err = signals_hold() ? ERR_OK : complain(complaint, ERR_IO, "signalfd: %s", strerror(errno));
	if (err == ERR_OK)
		err = node_open(config, node, complaint);
	if (err == ERR_OK)
		err = server_open(config, server, complaint);
	if (err == ERR_OK)
		err = node_start(*node, complaint);
	return err == ERR_OK ? server_start(*server, *node, complaint) : err;
}

int daemon_run(const struct node_config *config)
{
	struct complaint complaint = { "" };
	struct server *server = NULL;
	struct node *node = NULL;

	log_to_stderr((enum log_level)config->log_level);
	umask(0077); /* for whatever a library of ours or the token's makes */
	enum err err = start(config, &node, &server, &complaint);
	bool is_told = err == ERR_OK || (node && node_state(node) == NODE_STOPPING); /* to stop: now, or by then */
	if (err == ERR_OK) {
		say_ready(config);
		log_info("node", "stopping signal=%d", serve(node, config));
	}
	if (is_told)
		stop(server, node, config);
	server_close(server);
	bool is_closed = node_close(node);
	int status = is_told ? EX_OK : refuse(err, &complaint);
	if (!is_closed)
		_exit(status);
	return status;
}
