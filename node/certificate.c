#include "node/certificate.h"
#include "base/log.h"
#include "node/node.h"

int64_t certificate_seconds(struct node *node)
{
	int64_t left_s = tls_seconds_left(node->tls);
	return left_s ? left_s : -1;
}

static enum certificate judge(int64_t left_s)
{
	if (left_s < 0)
		return CERTIFICATE_HAS_ENDED;
	return left_s < CERTIFICATE_SOON_S ? CERTIFICATE_ENDS_SOON : CERTIFICATE_GOOD;
}

static void say(const struct node_config *config, enum certificate now, int64_t left_s)
{
	static const char todo[] = "put a new one in its place, then send SIGHUP";
	if (now == CERTIFICATE_HAS_ENDED)
		log_error("node", "our certificate has expired, nobody takes a new connection with us over TLS file=%s do=\"%s\"",
		          config->certificate_file, todo);
	else if (now == CERTIFICATE_ENDS_SOON)
		log_warn("node", "our certificate expires soon days=%lld file=%s do=\"%s\"", (long long)left_s / (24 * 3600),
		         config->certificate_file, todo);
	else
		log_info("node", "our certificate is good again days=%lld", (long long)left_s / (24 * 3600));
}

void certificate_look(struct node *node)
{
	int64_t left_s = certificate_seconds(node);
	enum certificate now = judge(left_s);
	if (now == (enum certificate)node->certificate)
		return;
	node->certificate = (int)now;
	say(node->config, now, left_s);
}
