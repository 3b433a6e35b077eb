/* What a new dev cluster will be: how many nodes, which ports, which module. */
#include "base/id.h"
#include "cli/dev.h"
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NODES_PRESET 3
#define PORT_FIRST 10240

#ifndef CRATON_SBINDIR
#define CRATON_SBINDIR "/usr/local/sbin"
#endif
#ifndef CRATON_LIBDIR
#define CRATON_LIBDIR "/usr/local/lib"
#endif
#ifndef CRATON_SOFTHSM
#define CRATON_SOFTHSM "libsofthsm2.so"
#endif

/* Beside us as after a build, otherwise in the folder it was installed to. */
static bool find_beside(const char *folder, const char *installed, const char *name, char path[DEV_PATH_MAX])
{
	if (snprintf(path, DEV_PATH_MAX, "%s/%s", folder, name) < DEV_PATH_MAX && access(path, R_OK) == 0)
		return true;
	return snprintf(path, DEV_PATH_MAX, "%s/%s", installed, name) < DEV_PATH_MAX && access(path, R_OK) == 0;
}

enum err dev_find_programs(struct dev_programs *programs, struct complaint *complaint)
{
	char folder[DEV_PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", folder, sizeof folder - 1);
	if (size < 0)
		return complain(complaint, ERR_IO, "/proc/self/exe: %s", strerror(errno));
	folder[size] = '\0';
	strcpy(programs->craton, folder);
	*strrchr(folder, '/') = '\0';
	if (!find_beside(folder, CRATON_SBINDIR, "cratond", programs->cratond))
		return complain(complaint, ERR_CONFIG, "cratond is neither in %s nor in %s", folder, CRATON_SBINDIR);
	if (!find_beside(folder, CRATON_LIBDIR, "libcraton-pkcs11.so", programs->module))
		return complain(complaint, ERR_CONFIG, "libcraton-pkcs11.so is neither in %s nor in %s", folder, CRATON_LIBDIR);
	return ERR_OK;
}

/* Below the ports that the kernel gives to outgoing connections: one of those could take a
 * node's port while the node is down, or even connect to itself. */
static uint32_t port_end(void)
{
	unsigned first = 0;
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	if (file && fscanf(file, "%u", &first) != 1)
		first = 0;
	if (file)
		fclose(file);
	return first > PORT_FIRST + 1000 && first <= 65536 ? first : 32768;
}

static bool port_is_free(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	bool is_free = bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0;
	close(fd);
	return is_free;
}

/* `count` different ports on 127.0.0.1 that nobody listens on. */
static bool find_ports(uint16_t *ports, size_t count)
{
	uint32_t end = port_end();
	for (size_t found = 0, tries = 0; found < count; tries++) {
		uint32_t number;
		random_bytes(&number, sizeof number);
		uint16_t port = (uint16_t)(PORT_FIRST + number % (end - PORT_FIRST));
		bool is_new = true;
		for (size_t i = 0; i < found; i++)
			is_new &= ports[i] != port;
		if (is_new && port_is_free(port))
			ports[found++] = port;
		if (tries > 10000)
			return false;
	}
	return true;
}

static enum err plan_nodes(struct dev *dev, size_t count, struct complaint *complaint)
{
	uint16_t ports[2 * DEV_NODES_MAX];
	dev->nodes = calloc(count, sizeof *dev->nodes);
	if (!dev->nodes)
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	if (!find_ports(ports, 2 * count))
		return complain(complaint, ERR_BUSY, "no free ports on 127.0.0.1");
	dev->node_count = count;
	for (size_t i = 0; i < count; i++) {
		char name[2] = { (char)('a' + i), '\0' };
		dev->nodes[i] = (struct dev_node){ strdup(name), ports[2 * i], ports[2 * i + 1] };
		if (!dev->nodes[i].name)
			return complain(complaint, ERR_NO_MEMORY, "out of memory");
	}
	if (strlen(dev_path(dev, &dev->nodes[0], "socket")) >= sizeof ((struct sockaddr_un *)0)->sun_path)
		return complain(complaint, ERR_CONFIG, "%s is too long a name for the sockets in it: choose a shorter --dir", dev->dir);
	return ERR_OK;
}

static enum err plan_count(const char *text, size_t *count, struct complaint *complaint)
{
	*count = text ? (size_t)(text[0] - '0') : NODES_PRESET;
	if (text && (text[0] < '1' || text[0] > '0' + DEV_NODES_MAX || text[1]))
		return complain(complaint, ERR_CONFIG, "--nodes %s: must be 1 to %d", text, DEV_NODES_MAX);
	return ERR_OK;
}

static enum err plan_transport(const char *text, int *transport, struct complaint *complaint)
{
	*transport = text && strcmp(text, "tls") == 0 ? DEV_TLS : DEV_UNIX;
	if (text && strcmp(text, "tls") != 0 && strcmp(text, "unix") != 0)
		return complain(complaint, ERR_CONFIG, "--transport %s: must be unix or tls", text);
	return ERR_OK;
}

static enum err plan_module(const char *text, struct dev *dev, struct complaint *complaint)
{
	const char *module = text ? text : CRATON_SOFTHSM;
	dev->is_softhsm = !text;
	dev->module = realpath(module, NULL);
	if (!dev->module)
		return complain(complaint, ERR_CONFIG, "%s: %s; %s", module, strerror(errno),
		                text ? "--module needs the path of a PKCS#11 module" : "install softhsm2, or say --module FILE");
	return ERR_OK;
}

enum err dev_plan(const struct options *options, const char *dir, struct dev *dev, struct complaint *complaint)
{
	size_t count;
	*dev = (struct dev){ .dir = strdup(dir) };
	enum err err = dev->dir ? plan_count(options->nodes, &count, complaint) : ERR_NO_MEMORY;
	if (err == ERR_OK)
		err = plan_transport(options->transport, &dev->transport, complaint);
	if (err == ERR_OK)
		err = plan_module(options->module, dev, complaint);
	if (err == ERR_OK)
		err = plan_nodes(dev, count, complaint);
	if (err != ERR_OK)
		dev_release(dev);
	return err;
}
