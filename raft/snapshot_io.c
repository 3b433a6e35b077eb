#include "raft/snapshot_io.h"
#include "base/digest.h"
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <unistd.h>

enum err read_all(int fd, void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = read(fd, (uint8_t *)data + done, size - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0 ? ERR_DAMAGED : ERR_IO;
		done += (size_t)got;
	}
	return ERR_OK;
}

enum err write_all(int fd, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t put = write(fd, (const uint8_t *)data + done, size - done);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return ERR_IO;
		done += (size_t)put;
	}
	return ERR_OK;
}

EVP_MAC_CTX *snapshot_mac_start(const struct snapshots *snapshots)
{
	EVP_MAC *mac = EVP_MAC_fetch(digest_context(), "HMAC", NULL);
	EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	char digest[] = "SHA256";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		                OSSL_PARAM_construct_end() };
	if (context && EVP_MAC_init(context, snapshots->key->data, SNAPSHOT_MAC_SIZE, params) == 1)
		return context;
	EVP_MAC_CTX_free(context);
	return NULL;
}

bool snapshot_mac_end(EVP_MAC_CTX *context, uint8_t mac[SNAPSHOT_MAC_SIZE])
{
	size_t size = 0;
	return EVP_MAC_final(context, mac, &size, SNAPSHOT_MAC_SIZE) == 1 && size == SNAPSHOT_MAC_SIZE;
}
