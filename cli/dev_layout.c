/* Where things are in a dev cluster's folder, and its dev.conf. */
#include "cli/dev.h"
#include "base/config.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char *const transports[] = { "unix", "tls", NULL };

#define ROW(section, key, type, owner, field, preset, ...) \
	{ section, key, type, offsetof(struct owner, field), preset, __VA_ARGS__ }

static const struct config_key keys[] = {
	ROW("dev", "module", CONFIG_PATH, dev, module, NULL, .required = true, .hint = "the PKCS#11 module under the nodes"),
	ROW("dev", "softhsm", CONFIG_BOOL, dev, is_softhsm, "yes", .hint = "yes or no"),
	ROW("dev", "transport", CONFIG_CHOICE, dev, transport, "unix", .choices = transports, .hint = "unix or tls"),
	ROW("dev", "made", CONFIG_BOOL, dev, is_made, "no", .hint = "yes or no"),
	ROW("node *", "peer_port", CONFIG_NUMBER, dev_node, peer_port, NULL, .min = 1, .max = 65535, .required = true, .hint = "a port"),
	ROW("node *", "client_port", CONFIG_NUMBER, dev_node, client_port, NULL, .min = 1, .max = 65535, .required = true, .hint = "a port"),
	{ .section = NULL },
};
static const struct config_group groups[] = {
	{ "node", sizeof(struct dev_node), offsetof(struct dev, nodes), offsetof(struct dev, node_count), 1, DEV_NODES_MAX },
	{ .kind = NULL },
};

const char *dev_path(const struct dev *dev, const struct dev_node *node, const char *name)
{
	static char paths[8][DEV_PATH_MAX + 64];
	static unsigned next;
	char *path = paths[next++ % 8];
	snprintf(path, sizeof paths[0], "%s/%s%s%s", dev->dir, node ? node->name : "", node ? "/" : "", name);
	return path;
}

enum err dev_folder(const struct options *options, char dir[DEV_PATH_MAX], struct complaint *complaint)
{
	const char *data_home = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	char here[DEV_PATH_MAX] = "";
	int size;
	if (options->dir && options->dir[0] != '/' && !getcwd(here, sizeof here))
		return complain(complaint, ERR_IO, "the current folder has no name: %s", strerror(errno));
	if (options->dir)
		size = snprintf(dir, DEV_PATH_MAX, "%s%s%s", here, here[0] ? "/" : "", options->dir);
	else if (data_home && data_home[0] == '/')
		size = snprintf(dir, DEV_PATH_MAX, "%s/craton-dev", data_home);
	else if (home && home[0] == '/')
		size = snprintf(dir, DEV_PATH_MAX, "%s/.local/share/craton-dev", home);
	else
		return complain(complaint, ERR_CONFIG, "HOME is not set: say --dir DIR");
	if (size >= DEV_PATH_MAX - 64)
		return complain(complaint, ERR_CONFIG, "the folder's name is too long");
	while (size > 1 && dir[size - 1] == '/')
		dir[--size] = '\0';
	return ERR_OK;
}

enum err dev_hold(const char *dir, int *fd, struct complaint *complaint)
{
	*fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return complain(complaint, ERR_NOT_FOUND, "%s: %s; `craton dev start --dir %s` makes a cluster there", dir,
		                strerror(errno), dir);
	if (flock(*fd, LOCK_EX) == 0)
		return ERR_OK;
	enum err err = complain(complaint, ERR_IO, "%s: cannot be held: %s", dir, strerror(errno));
	close(*fd);
	return err;
}

enum err dev_load(const char *dir, struct dev *dev, struct complaint *complaint)
{
	*dev = (struct dev){ .dir = strdup(dir) };
	if (!dev->dir)
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	enum err err = ERR_OK;
	if (access(dev_path(dev, NULL, "dev.conf"), F_OK) != 0)
		err = complain(complaint, ERR_NOT_FOUND, "%s has no cluster made by `craton dev start` (no dev.conf in it)", dir);
	else
		err = config_load(dev_path(dev, NULL, "dev.conf"), keys, groups, dev, complaint);
	if (err != ERR_OK) {
		free(dev->dir);
		*dev = (struct dev){ 0 };
	}
	return err;
}

enum err dev_save(const struct dev *dev, struct complaint *complaint)
{
	struct text text;
	if (!text_open(&text))
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	fprintf(text.file, "# A cluster made by `craton dev start`; `craton dev destroy` removes it.\n[dev]\n");
	fprintf(text.file, "module = %s\nsofthsm = %s\ntransport = %s\nmade = %s\n", dev->module,
	        dev->is_softhsm ? "yes" : "no", transports[dev->transport], dev->is_made ? "yes" : "no");
	for (size_t i = 0; i < dev->node_count; i++)
		fprintf(text.file, "[node %s]\npeer_port = %d\nclient_port = %d\n", dev->nodes[i].name,
		        (int)dev->nodes[i].peer_port, (int)dev->nodes[i].client_port);
	return text_save(&text, dev_path(dev, NULL, "dev.conf"), 0600, complaint);
}

void dev_release(struct dev *dev)
{
	free(dev->dir);
	config_release(keys, groups, dev);
	*dev = (struct dev){ 0 };
}

const struct dev_node *dev_find_node(const struct dev *dev, const char *name, struct complaint *complaint)
{
	char names[64] = "";
	for (size_t i = 0; i < dev->node_count; i++) {
		if (strcmp(dev->nodes[i].name, name) == 0)
			return &dev->nodes[i];
		strcat(strcat(names, " "), dev->nodes[i].name);
	}
	complain(complaint, ERR_NOT_FOUND, "no node is called %s; there are:%s", name, names);
	return NULL;
}

bool text_open(struct text *text)
{
	*text = (struct text){ 0 };
	text->file = open_memstream(&text->data, &text->size);
	return text->file;
}

enum err text_save(struct text *text, const char *path, unsigned mode, struct complaint *complaint)
{
	enum err err = fclose(text->file) == 0 ? file_write(path, text->data, text->size, mode) : ERR_NO_MEMORY;
	free(text->data);
	return err == ERR_OK ? ERR_OK : complain(complaint, err, "%s cannot be written: %s", path, strerror(errno));
}
