/* The files of a dev cluster that its programs read. */
#include "base/file.h"
#include "base/id.h"
#include "base/secret.h"
#include "cli/certificates.h"
#include "cli/dev.h"
#include "wire/tls.h"
#include <stdlib.h>
#include <string.h>

#define SECRET_SIZE 32    /* bytes; written as hex digits */
#define PIN_DIGITS 16

const char *dev_node_environment(const struct dev *dev, const struct dev_node *node)
{
	static char pair[DEV_PATH_MAX + 128];
	/* Another module may be one around SoftHSM, which then gets a folder for each node
	 * too, unless the environment says where its tokens are. */
	if (!dev->is_softhsm && getenv("SOFTHSM2_CONF"))
		return NULL;
	snprintf(pair, sizeof pair, "SOFTHSM2_CONF=%s", dev_path(dev, node, "softhsm2.conf"));
	return pair;
}

static enum err make_folder(const char *path, struct complaint *complaint)
{
	enum err err = file_make_folder(path, 0700);
	return err == ERR_OK ? ERR_OK : complain(complaint, err, "%s cannot be made (%s)", path, err_name(err));
}

enum err dev_make_folders(const struct dev *dev, struct complaint *complaint)
{
	static const char *const shared[] = { "authority", "certificates", NULL };
	static const char *const own[] = { "state", "tokens", NULL };
	enum err err = make_folder(dev->dir, complaint);
	for (size_t i = 0; err == ERR_OK && shared[i]; i++)
		err = make_folder(dev_path(dev, NULL, shared[i]), complaint);
	for (size_t node = 0; node < dev->node_count; node++)
		for (size_t i = 0; err == ERR_OK && own[i]; i++)
			err = make_folder(dev_path(dev, &dev->nodes[node], own[i]), complaint);
	return err;
}

static enum err issue_node(const struct dev *dev, const struct authority *authority, const struct dev_node *node,
                           struct complaint *complaint)
{
	char uri[64];
	snprintf(uri, sizeof uri, "craton:node:%s", node->name);
	return authority_issue(authority, uri, dev_path(dev, node, "certificate.pem"), dev_path(dev, node, "key.pem"),
	                       complaint);
}

/* FILE.pem and FILE.key below the cluster's folder. */
static enum err issue(const struct dev *dev, const struct authority *authority, const char *uri, const char *file,
                      struct complaint *complaint)
{
	char certificate[256], key[256];
	snprintf(certificate, sizeof certificate, "%s.pem", file);
	snprintf(key, sizeof key, "%s.key", file);
	return authority_issue(authority, uri, dev_path(dev, NULL, certificate), dev_path(dev, NULL, key), complaint);
}

enum err dev_make_certificates(const struct dev *dev, struct complaint *complaint)
{
	struct authority authority;
	enum err err = authority_create("Craton dev authority", dev_path(dev, NULL, "authority/certificate.pem"),
	                                dev_path(dev, NULL, "authority/key.pem"), &authority, complaint);
	if (err != ERR_OK)
		return err;
	for (size_t i = 0; err == ERR_OK && i < dev->node_count; i++)
		err = issue_node(dev, &authority, &dev->nodes[i], complaint);
	if (err == ERR_OK)
		err = issue(dev, &authority, "craton:client:app", "certificates/client", complaint);
	if (err == ERR_OK)
		err = issue(dev, &authority, "craton:admin:dev", "certificates/admin", complaint);
	authority_finish(&authority);
	return err;
}

static enum err write_secret(const char *path, const char *text, size_t size, struct complaint *complaint)
{
	enum err err = file_write(path, text, size, 0600);
	return err == ERR_OK ? ERR_OK : complain(complaint, err, "%s cannot be written (%s)", path, err_name(err));
}

static enum err make_pin(const char *path, struct complaint *complaint)
{
	uint8_t random[PIN_DIGITS];
	char text[PIN_DIGITS + 1];
	for (size_t i = 0; i < PIN_DIGITS;) {
		random_bytes(random, 1);
		if (random[0] < 250) /* so that each digit is as likely */
			text[i++] = (char)('0' + random[0] % 10);
	}
	text[PIN_DIGITS] = '\n';
	enum err err = write_secret(path, text, sizeof text, complaint);
	secret_wipe(text, sizeof text);
	secret_wipe(random, sizeof random);
	return err;
}

/* One cluster secret, in each node's own folder as on machines of their own. */
static enum err make_cluster_secret(const struct dev *dev, struct complaint *complaint)
{
	uint8_t bytes[SECRET_SIZE];
	char text[2 * SECRET_SIZE + 2];
	enum err err = ERR_OK;
	random_bytes(bytes, sizeof bytes);
	for (size_t i = 0; i < SECRET_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	text[2 * SECRET_SIZE] = '\n';
	for (size_t i = 0; err == ERR_OK && i < dev->node_count; i++)
		err = write_secret(dev_path(dev, &dev->nodes[i], "cluster.secret"), text, 2 * SECRET_SIZE + 1, complaint);
	secret_wipe(text, sizeof text);
	secret_wipe(bytes, sizeof bytes);
	return err;
}

enum err dev_make_secrets(const struct dev *dev, struct complaint *complaint)
{
	enum err err = make_cluster_secret(dev, complaint);
	for (size_t i = 0; err == ERR_OK && i < dev->node_count; i++) {
		err = make_pin(dev_path(dev, &dev->nodes[i], "token.pin"), complaint);
		if (err == ERR_OK)
			err = make_pin(dev_path(dev, &dev->nodes[i], "token.so-pin"), complaint);
	}
	if (err == ERR_OK)
		err = make_pin(dev_path(dev, NULL, "slot.pin"), complaint);
	if (err == ERR_OK)
		err = make_pin(dev_path(dev, NULL, "slot.so-pin"), complaint);
	return err;
}

static enum err write_softhsm(const struct dev *dev, const struct dev_node *node, struct complaint *complaint)
{
	struct text text;
	if (!text_open(&text))
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	fprintf(text.file, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n"
	        "slots.removable = false\n", dev_path(dev, node, "tokens"));
	return text_save(&text, dev_path(dev, node, "softhsm2.conf"), 0600, complaint);
}

static enum err write_node(const struct dev *dev, const struct dev_node *node, struct complaint *complaint)
{
	const char *environment = dev_node_environment(dev, node);
	struct text text;
	if (!text_open(&text))
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	FILE *file = text.file;
	fprintf(file, "# Node %s of a cluster made by `craton dev start`; see cratond.conf(5).\n", node->name);
	fprintf(file, "[node]\nid = %d\nname = %s\nstate = state\n\n", (int)(node - dev->nodes) + 1, node->name);
	fprintf(file, "[raft]\nlisten = 127.0.0.1:%d\nsecret_file = cluster.secret\n\n", (int)node->peer_port);
	for (size_t i = 0; i < dev->node_count; i++)
		fprintf(file, "[founder %s]\nid = %d\naddress = 127.0.0.1:%d\n\n", dev->nodes[i].name, (int)i + 1,
		        (int)dev->nodes[i].peer_port);
	fprintf(file, "[tls]\nauthority = ../authority/certificate.pem\ncertificate = certificate.pem\nkey = key.pem\n\n");
	fprintf(file, "[token]\nmodule = %s\nuri = pkcs11:token=craton-%s\npin_file = token.pin\n", dev->module, node->name);
	fprintf(file, "# SoftHSM cannot seal these; a node for production has them in its memory only if you say so.\n"
	              "node_generated = ed25519, ed448, x25519, x448\n\n");
	if (environment)
		fprintf(file, "[environment %.*s]\nvalue = %s\n\n", (int)strcspn(environment, "="), environment, strchr(environment, '=') + 1);
	fprintf(file, "[listen]\nunix = socket\ntls = 127.0.0.1:%d\n", (int)node->client_port);
	return text_save(&text, dev_path(dev, node, "cratond.conf"), 0600, complaint);
}

/* craton.conf for applications and admin.conf for the command differ in the certificate only. */
static enum err write_client(const struct dev *dev, const char *name, const char *identity, int transport,
                             struct complaint *complaint)
{
	struct text text;
	if (!text_open(&text))
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	fprintf(text.file, "# A cluster made by `craton dev start`; see craton.conf(5).\n");
	if (transport == DEV_TLS)
		fprintf(text.file, "[tls]\nauthority = %s\ncertificate = %s/certificates/%s.pem\nkey = %s/certificates/%s.key\n\n",
		        dev_path(dev, NULL, "authority/certificate.pem"), dev->dir, identity, dev->dir, identity);
	for (size_t i = 0; i < dev->node_count; i++) {
		const struct dev_node *node = &dev->nodes[i];
		if (transport == DEV_TLS)
			fprintf(text.file, "[member %s]\naddress = 127.0.0.1:%d\n\n", node->name, (int)node->client_port);
		else
			fprintf(text.file, "[member %s]\naddress = unix:%s\n\n", node->name, dev_path(dev, node, "socket"));
	}
	return text_save(&text, dev_path(dev, NULL, name), 0600, complaint);
}

/* A value for a shell, whatever is in it. */
static void print_quoted(FILE *out, const char *name, const char *value)
{
	fprintf(out, "export %s='", name);
	for (; *value; value++)
		fputs(*value == '\'' ? "'\\''" : (char[]){ *value, '\0' }, out);
	fprintf(out, "'\n");
}

static enum err print_secret(FILE *out, const char *name, const char *path, struct complaint *complaint)
{
	struct secret *secret = NULL;
	enum err err = secret_load(path, NULL, NULL, 1, PIN_DIGITS, &secret, complaint);
	if (err == ERR_OK)
		fprintf(out, "export %s='%.*s'\n", name, (int)secret->size, (const char *)secret->data);
	secret_destroy(secret);
	return err;
}

static enum err write_environment(const struct dev *dev, const struct dev_programs *programs, struct complaint *complaint)
{
	struct text text;
	if (!text_open(&text))
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	fprintf(text.file, "# For a shell: . %s\n", dev_path(dev, NULL, "env"));
	print_quoted(text.file, "CRATON_CONF", dev_path(dev, NULL, "craton.conf"));
	print_quoted(text.file, "CRATON_ADMIN_CONF", dev_path(dev, NULL, "admin.conf"));
	print_quoted(text.file, "CRATON_MODULE", programs->module);
	print_quoted(text.file, "CRATON_SLOT_LABEL", "craton");
	enum err err = print_secret(text.file, "CRATON_PIN", dev_path(dev, NULL, "slot.pin"), complaint);
	if (err == ERR_OK)
		err = print_secret(text.file, "CRATON_SO_PIN", dev_path(dev, NULL, "slot.so-pin"), complaint);
	enum err saved = text_save(&text, dev_path(dev, NULL, "env"), 0600, complaint);
	return err == ERR_OK ? saved : err;
}

static enum err write_p11_kit(const struct dev *dev, const struct dev_programs *programs, struct complaint *complaint)
{
	struct text text;
	if (!text_open(&text))
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	fprintf(text.file, "# Copy to ~/.config/pkcs11/modules/ and set CRATON_CONF.\nmodule: %s\n", programs->module);
	return text_save(&text, dev_path(dev, NULL, "craton.module"), 0644, complaint);
}

enum err dev_make_client(const struct dev *dev, const char *client, struct complaint *complaint)
{
	struct identity identity;
	struct authority authority;
	char uri[128], name[128], conf[160];
	int size = snprintf(uri, sizeof uri, "craton:client:%s", client);
	if (size >= (int)sizeof uri || !identity_parse(&identity, uri, (size_t)size))
		return complain(complaint, ERR_CONFIG, "%s: a name has at most %d letters, digits, dots, dashes and underscores",
		                client, IDENTITY_NAME_MAX);
	enum err err = authority_load(dev_path(dev, NULL, "authority/certificate.pem"), dev_path(dev, NULL, "authority/key.pem"),
	                              &authority, complaint);
	if (err != ERR_OK)
		return err;
	snprintf(name, sizeof name, "client-%s", client);
	snprintf(conf, sizeof conf, "certificates/%s", name);
	err = issue(dev, &authority, uri, conf, complaint);
	authority_finish(&authority);
	strcat(conf, ".conf");
	return err == ERR_OK ? write_client(dev, conf, name, DEV_TLS, complaint) : err;
}

enum err dev_make_configuration(const struct dev *dev, const struct dev_programs *programs, struct complaint *complaint)
{
	enum err err = ERR_OK;
	for (size_t i = 0; err == ERR_OK && i < dev->node_count; i++) {
		err = write_softhsm(dev, &dev->nodes[i], complaint);
		if (err == ERR_OK)
			err = write_node(dev, &dev->nodes[i], complaint);
	}
	if (err == ERR_OK)
		err = write_client(dev, "craton.conf", "client", dev->transport, complaint);
	if (err == ERR_OK)
		err = write_client(dev, "admin.conf", "admin", dev->transport, complaint);
	if (err == ERR_OK)
		err = write_environment(dev, programs, complaint);
	return err == ERR_OK ? write_p11_kit(dev, programs, complaint) : err;
}
