#include "node/certificate.h"
#include "base/log.h"
#include "node/node.h"

#define DAY_S (24 * 3600)

static int64_t never_zero(int64_t left_s)
{
	return left_s ? left_s : -1;
}

int64_t certificate_seconds(struct node *node)
{
	return never_zero(tls_seconds_left(node->tls));
}

int64_t certificate_authority_seconds(struct node *node)
{
	return never_zero(tls_issuer_seconds_left(node->tls));
}

static enum certificate judge(int64_t left_s)
{
	if (left_s < 0)
		return CERTIFICATE_HAS_ENDED;
	return left_s < CERTIFICATE_SOON_S ? CERTIFICATE_ENDS_SOON : CERTIFICATE_GOOD;
}

/* What an operator is told of one of the two. */
struct words {
	const char *whose, *file, *todo;
};

static void say(const struct words *words, enum certificate now, int64_t left_s)
{
	if (now == CERTIFICATE_HAS_ENDED)
		log_error("node", "%s certificate has expired, nobody takes a new connection with us over TLS file=%s do=\"%s\"", words->whose,
		          words->file, words->todo);
	else if (now == CERTIFICATE_ENDS_SOON)
		log_warn("node", "%s certificate expires soon days=%lld file=%s do=\"%s\"", words->whose, (long long)left_s / DAY_S, words->file,
		         words->todo);
	else
		log_info("node", "%s certificate is good again days=%lld", words->whose, (long long)left_s / DAY_S);
}

static void look_at(int *last, int64_t left_s, const struct words *words)
{
	enum certificate now = judge(left_s);
	if (now == (enum certificate)*last)
		return;
	*last = (int)now;
	say(words, now, left_s);
}

void certificate_look(struct node *node)
{
	struct words ours = { "our", node->config->certificate_file, "put a new one in its place, then send SIGHUP" };
	struct words authoritys = { "our authority's", node->config->authority_file,
	                            "add a new authority's to the file on every host and send SIGHUP, then renew the certificates" };
	look_at(&node->certificate, certificate_seconds(node), &ours);
	look_at(&node->authority, certificate_authority_seconds(node), &authoritys);
}
