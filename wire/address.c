#include "wire/address.h"
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static enum err wrong(const char *text, struct complaint *complaint, const char *why)
{
	return complain(complaint, ERR_CONFIG, "\"%.100s\": %s; write unix:/path/of/socket, host:port or [::1]:port", text, why);
}

static enum err parse_unix(struct address *address, const char *path, const char *text, struct complaint *complaint)
{
	struct sockaddr_un un;
	if (*path != '/')
		return wrong(text, complaint, "a socket's path begins with /");
	if (strlen(path) >= sizeof un.sun_path)
		return wrong(text, complaint, "a socket's path has at most 107 characters");
	address->is_unix = true;
	strcpy(address->host, path);
	return ERR_OK;
}

static bool parse_port(struct address *address, const char *text)
{
	size_t size = strspn(text, "0123456789");
	if (!size || size > 5 || text[size])
		return false;
	unsigned long port = strtoul(text, NULL, 10);
	address->port = (uint16_t)port;
	return port <= UINT16_MAX;
}

enum err address_parse(struct address *address, const char *text, struct complaint *complaint)
{
	*address = (struct address){ 0 };
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(address, text + 5, text, complaint);
	const char *host = text, *end = strrchr(text, ':');
	if (*text == '[') {
		host = text + 1;
		end = strchr(text, ']');
		if (!end || end[1] != ':' || !parse_port(address, end + 2))
			return wrong(text, complaint, "not an address with a port");
	} else if (!end || memchr(text, ':', (size_t)(end - text)) || !parse_port(address, end + 1)) {
		return wrong(text, complaint, "not an address with a port");
	}
	size_t size = (size_t)(end - host);
	if (!size || size >= sizeof address->host || memchr(host, '/', size))
		return wrong(text, complaint, "not a host's name or number");
	memcpy(address->host, host, size);
	address->host[size] = '\0';
	return ERR_OK;
}
