#include "node/founding.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/wait.h"
#include "node/node.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 1000 /* how long one question to the cluster may hold up founding_stop */
#define REST_MS 100      /* before the question is asked again */

struct founding {
	struct node *node;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stop;
	bool stopping;
};

static bool is_agreed(struct node *node, const char *name)
{
	struct buf value;
	buf_init(&value, 1024);
	enum err err = directory_setting(node->directory, name, &value);
	buf_finish(&value);
	return err == ERR_OK;
}

/* The same on every node, so that of several proposals the first counts and the others come to nothing. */
static struct id founding_request(const char *name)
{
	uint8_t digest[SHA256_SIZE];
	struct id id;
	sha256((struct bytes[]){ { "founding", 8 }, { name, strlen(name) } }, 2, digest);
	memcpy(id.bytes, digest, ID_SIZE);
	return id;
}

static void propose(struct node *node, const char *name, const void *value, size_t size)
{
	struct setting_event setting;
	struct id request = founding_request(name);
	uint8_t packed[256];
	uint64_t index;

	setting_event_init(&setting, name, value, size);
	size_t packed_size = craton__event__get_packed_size(&setting.event);
	if (packed_size > sizeof packed)
		abort();
	craton__event__pack(&setting.event, packed);
	consensus_propose(node->consensus, &request, packed, packed_size, deadline_in(PATIENCE_MS), &index);
}

/* One try; true when there is nothing left to agree on. A barrier first, so that a node that is behind sees what
 * was agreed long ago. */
static bool agree(struct node *node)
{
	uint64_t index;
	struct id cluster = id_random();
	if (is_agreed(node, SETTING_CLUSTER) && is_agreed(node, SETTING_DOMAIN))
		return true;
	if (consensus_barrier(node->consensus, deadline_in(PATIENCE_MS), &index) != ERR_OK)
		return false;
	if (!is_agreed(node, SETTING_CLUSTER))
		propose(node, SETTING_CLUSTER, cluster.bytes, sizeof cluster.bytes);
	if (!is_agreed(node, SETTING_DOMAIN) && domain_is_known(node->domain))
		propose(node, SETTING_DOMAIN, domain_id(node->domain), DOMAIN_ID_SIZE);
	return is_agreed(node, SETTING_CLUSTER) && is_agreed(node, SETTING_DOMAIN);
}

/* Until it is time to ask again; false if there is no need to. */
static bool rest(struct founding *founding)
{
	deadline_ms deadline = deadline_in(REST_MS);
	pthread_mutex_lock(&founding->lock);
	while (!founding->stopping && wait_until(&founding->stop, &founding->lock, deadline))
		;
	bool go_on = !founding->stopping;
	pthread_mutex_unlock(&founding->lock);
	return go_on;
}

static void *run(void *context)
{
	struct founding *founding = context;
	struct id cluster;
	char text[ID_TEXT_SIZE];
	while (!agree(founding->node))
		if (!rest(founding))
			return NULL;
	if (node_learn_domain(founding->node) && founding_cluster_id(founding->node, &cluster)) {
		id_text(&cluster, text);
		log_info("node", "belongs to cluster=%s", text);
	}
	return NULL;
}

static void founding_destroy(struct founding *founding)
{
	pthread_cond_destroy(&founding->stop);
	pthread_mutex_destroy(&founding->lock);
	free(founding);
}

struct founding *founding_start(struct node *node)
{
	struct founding *founding = calloc(1, sizeof *founding);
	if (!founding)
		return NULL;
	founding->node = node;
	pthread_mutex_init(&founding->lock, NULL);
	pthread_cond_init(&founding->stop, NULL);
	if (pthread_create(&founding->thread, NULL, run, founding) == 0)
		return founding;
	founding_destroy(founding);
	return NULL;
}

void founding_stop(struct founding *founding)
{
	if (!founding)
		return;
	pthread_mutex_lock(&founding->lock);
	founding->stopping = true;
	pthread_cond_signal(&founding->stop);
	pthread_mutex_unlock(&founding->lock);
	pthread_join(founding->thread, NULL);
	founding_destroy(founding);
}

bool founding_cluster_id(struct node *node, struct id *out)
{
	struct buf value;
	buf_init(&value, 1024);
	bool known = directory_setting(node->directory, SETTING_CLUSTER, &value) == ERR_OK &&
	             id_from_bytes(out, value.data, value.size);
	buf_finish(&value);
	return known;
}
