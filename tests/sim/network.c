/* Packets are real bytes: encoded when sent, decoded when they arrive. */
#include "tests/sim/sim.h"
#include <stdlib.h>
#include <string.h>

struct packet {
	int64_t at;
	uint64_t sequence;
	uint64_t from, to;
	struct buf bytes;
	struct image *image;     /* travels with a MESSAGE_INSTALL */
	bool waits;              /* for a connection to be made */
	bool is_lost;
};

static struct packet **heap;
static size_t heap_count, heap_capacity;
static uint64_t sequence;
static int64_t link_last[SIM_NODES_MAX + 1][SIM_NODES_MAX + 1];
static bool cuts[SIM_NODES_MAX + 1][SIM_NODES_MAX + 1];

static bool is_before(const struct packet *a, const struct packet *b)
{
	return a->at < b->at || (a->at == b->at && a->sequence < b->sequence);
}

static void swap(size_t i, size_t j)
{
	struct packet *packet = heap[i];
	heap[i] = heap[j];
	heap[j] = packet;
}

static void push(struct packet *packet)
{
	if (heap_count == heap_capacity) {
		heap_capacity = heap_capacity ? heap_capacity * 2 : 256;
		heap = realloc(heap, heap_capacity * sizeof(struct packet *));
	}
	if (heap_count > 200000)
		violation("STORM: more packets than any cluster sends");
	size_t i = heap_count++;
	heap[i] = packet;
	for (; i && is_before(heap[i], heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(i, (i - 1) / 2);
}

static struct packet *pop(void)
{
	struct packet *packet = heap[0];
	heap[0] = heap[--heap_count];
	for (size_t i = 0;;) {
		size_t child = 2 * i + 1;
		if (child >= heap_count)
			break;
		if (child + 1 < heap_count && is_before(heap[child + 1], heap[child]))
			child++;
		if (!is_before(heap[child], heap[i]))
			break;
		swap(i, child);
		i = child;
	}
	return packet;
}

static void packet_free(struct packet *packet)
{
	buf_finish(&packet->bytes);
	image_drop(packet->image);
	free(packet);
}

void network_init(void)
{
	while (heap_count)
		packet_free(heap[--heap_count]);
	free(heap);
	heap = NULL;
	heap_capacity = 0;
	memset(link_last, 0, sizeof link_last);
	memset(cuts, 0, sizeof cuts);
}

void network_cut(uint64_t from, uint64_t to, bool cut)
{
	cuts[from][to] = cut;
	if (cut) {
		connection_cut(from, to);
		connection_cut(to, from);
	}
}

bool network_is_cut(uint64_t from, uint64_t to)
{
	return cuts[from][to];
}

void network_lose(uint64_t from, uint64_t to)
{
	int64_t since = sim.now + (chance(500) ? 0 : roll(20));
	for (size_t i = 0; i < heap_count; i++)
		if (heap[i]->from == from && heap[i]->to == to && (heap[i]->at > since || heap[i]->image))
			heap[i]->is_lost = true;
	sim.nodes[from].streaming[to] = false; /* it begins anew when it is asked for again */
}

void network_heal(void)
{
	memset(cuts, 0, sizeof cuts);
}

static bool lost(uint64_t from, uint64_t to)
{
	bool is_made = connection_is_made(from, to);
	if (connection_is_dead(from, to) || (!is_made && chance(300))) /* there is room for some */
		return true;
	return cuts[from][to] || (!healed() && !sim.profile.leader_stops && chance(8));
}

static int64_t delay(void)
{
	if (!healed() && !sim.profile.leader_stops && chance(sim.profile.harsh ? 80 : 25))
		return 1 + roll(sim.profile.reorder ? 2500 : 500);
	return 1 + roll(15);
}

static void post(uint64_t from, uint64_t to, const struct message *message, int64_t extra, struct image *image)
{
	struct packet *packet = calloc(1, sizeof *packet);
	packet->from = from;
	packet->to = to;
	packet->image = image ? image_keep(image) : NULL;
	packet->sequence = sequence++;
	packet->waits = !connection_is_made(from, to);
	packet->at = sim.now + delay() + extra;
	if (sim.nodes[from].paused_until_ms > sim.now) /* it was stopped in the middle of a turn */
		packet->at += sim.nodes[from].paused_until_ms - sim.now;
	if (!sim.profile.reorder && !image) {
		if (packet->at < link_last[from][to])
			packet->at = link_last[from][to];
		link_last[from][to] = packet->at;
	}
	buf_init(&packet->bytes, MESSAGE_SIZE_MAX);
	if (message_encode(message, &packet->bytes) != ERR_OK)
		violation("a message of kind %d can't be encoded", (int)message->kind);
	push(packet);
}

void network_send(struct sim_node *from, uint64_t to, const struct message *message)
{
	sim.count.packets++;
	if (to > SIM_NODES_MAX || lost(from->id, to))
		return;
	post(from->id, to, message, 0, NULL);
	if (sim.profile.reorder && !healed() && chance(60))
		post(from->id, to, message, 0, NULL);
}

void network_send_snapshot(struct sim_node *from, uint64_t to, const struct message *install)
{
	if (to > SIM_NODES_MAX || from->streaming[to] || lost(from->id, to))
		return;
	if (!from->disk.image || from->disk.snapshot.index != install->install.meta->index)
		return;
	sim.count.snapshots++;
	from->streaming[to] = true;
	post(from->id, to, install, 20 + roll(chance(150) ? 2000 : 200), from->disk.image);
}

static void receive(struct sim_node *node, struct packet *packet)
{
	struct message message;
	if (message_decode(packet->bytes.data, packet->bytes.size, &message) != ERR_OK)
		violation("a message that was encoded does not decode");
	message.from = packet->from;
	if (message.kind == MESSAGE_INSTALL)
		message.install.file = image_keep(packet->image);
	enum err err = driver_receive(node->driver, node_moment(node), &message);
	if (message.kind == MESSAGE_FORWARD)
		stop_at(STOP_RECEIVED, node, &message.forward.request);
	message_release(&message);
	node_turn(node, err);
}

/* For the connection to be made, even until the other has started again: then it is another life's. */
static bool waits_on(struct packet *packet)
{
	const struct sim_node *to = &sim.nodes[packet->to];
	int64_t tried_ms = connection_tried_ms(packet->from, packet->to);
	bool is_down = !to->up && !to->gone && sim.nodes[packet->from].up;
	packet->is_lost = tried_ms == INT64_MAX && !is_down;
	if (packet->is_lost || tried_ms <= sim.now)
		return false;
	packet->at = !is_down ? tried_ms : to->boot_ms > sim.now ? to->boot_ms : sim.now + 1;
	return true;
}

void network_deliver(void)
{
	while (heap_count && heap[0]->at <= sim.now) {
		struct packet *packet = pop();
		struct sim_node *node = &sim.nodes[packet->to];
		if (node->up && !node_awake(node)) { /* waits at its door */
			packet->at = node->paused_until_ms;
			push(packet);
			continue;
		}
		if (packet->waits && !packet->is_lost && waits_on(packet)) {
			push(packet);
			continue;
		}
		if (packet->image && !packet->is_lost)
			sim.nodes[packet->from].streaming[packet->to] = false;
		if (node->up && !packet->is_lost && !cuts[packet->from][packet->to])
			receive(node, packet);
		packet_free(packet);
	}
}

int64_t network_next(void)
{
	return heap_count ? heap[0]->at : INT64_MAX;
}
