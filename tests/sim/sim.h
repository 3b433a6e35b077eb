/* A whole cluster in one process: the drivers are the real ones, their world is made of dice. Everything that happens follows
 * from the seed, so a seed that fails fails again.
 *
 *	random    the dice                      disk      what is durable, what a crash leaves of it
 *	machine   a directory, much simplified   network   packets that are lost, late, doubled, cut off
 *	node      a driver and its world         oracle    what must never happen
 *	client    proposals and reads            operator  membership, replacing what is broken
 *	nemesis   what goes wrong                stop      the leader, at a chosen step
 *	connection  ends, and is made anew       health    tokens that are out, whose nodes decline to lead
 *	run       the clock */
#pragma once
#include "raft/chain.h"
#include "raft/driver_internal.h"
#include "raft/message.h"
#include "tests/sim/disk.h"
#include "tests/sim/machine.h"
#include "tests/sim/random.h"
#include <stdbool.h>
#include <stdint.h>

#define SIM_NODES_MAX 20     /* ids 1.. that a run may use up */
#define SIM_INDEX_MAX 20000
#define SIM_TERM_MAX 20000
#define SIM_CLIENTS 24

/* Where the oracle saw a node's newest configuration. */
struct sim_configuration {
	uint64_t index;          /* of its entry; 0: none in the log */
	unsigned log_changes;    /* as of so many */
	struct buf snapshot;     /* the snapshot's, as bytes */
	uint64_t snapshot_index;
	unsigned snapshot_life;
};

struct sim_node {
	uint64_t id;             /* 0: not used yet */
	bool up;
	bool gone;               /* refused to start, or was switched off for good */
	bool crash;              /* power is off from here on; the rest of the call changes nothing */
	unsigned life;           /* counts starts */
	int64_t boot_ms;
	bool founder;
	struct driver *driver;
	struct disk disk;
	struct machine machine;
	int64_t copy_ms;         /* when a snapshot that was asked for will be copied; 0: none */
	bool streaming[SIM_NODES_MAX + 1]; /* a snapshot is on its way to that node */
	unsigned log_changes;    /* counts writes of entries, installed snapshots and starts */
	uint64_t seen_applied, seen_term;  /* the oracle's */
	struct sim_configuration seen_configuration;
	int64_t wall_skew_ms;
	int64_t clock_ms, pace;  /* its clock: where it began, and how many of its milliseconds make 1000 */
	int64_t paused_until_ms; /* stopped, as by SIGSTOP; its clock goes on */
	int64_t in_contact_ms;   /* when it was last seen to be */
	int64_t declines_from_ms, declines_until_ms, hands_over_ms; /* its token is out; it would like to be rid of leadership then */
};

/* What the dice say about the run as a whole. */
struct sim_profile {
	bool members;            /* nodes are added, promoted, removed */
	bool reorder;            /* packets overtake and are doubled */
	bool damage;             /* disks lose or change what they had */
	bool slow_disks;
	bool skew;               /* clocks go at different paces */
	bool leader_stops;       /* and nothing else goes wrong (stop.c) */
	bool harsh;              /* one thing after another, and short timeouts */
	int64_t election_ms, heartbeat_ms, contact_ms;
	unsigned clients;
	uint32_t inflight;
	uint64_t snapshot_entries, trailing_entries;
	int64_t heal_ms;         /* from here on nothing goes wrong any more */
};

struct sim {
	uint64_t seed;
	unsigned nodes_founding;
	bool trace, leader_stops;
	int64_t now;
	struct sim_profile profile;
	struct sim_node nodes[SIM_NODES_MAX + 1]; /* by id; [0] is not used */
	uint64_t next_id;
	unsigned damaged;        /* how often a disk was damaged so far */
	struct secret *secret;
	struct { uint64_t acked, packets, snapshots, installs, crashes, changes, transfers, reads, refusals, settles, pauses, breaks, declines, handovers, stops, stop_ms, stop_ms_max; } count;
};
extern struct sim sim;

/* Ends the run: something happened that must not. */
void violation(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline bool healed(void) { return sim.now >= sim.profile.heal_ms; }
static inline void sooner(int64_t *next, int64_t other)
{
	if (other < *next)
		*next = other;
}

/* node.c */
struct sim_node *node_new(bool founder);
struct consensus_node node_address(uint64_t id);
void node_boot(struct sim_node *node);
void node_power_off(struct sim_node *node);
struct moment node_moment(const struct sim_node *node);
bool node_awake(const struct sim_node *node); /* up and not paused */
/* After any call of the driver: ends the turn, lets the oracle look, and notices a crash. */
void node_turn(struct sim_node *node, enum err err);
void node_events(struct sim_node *node);
int64_t node_next(const struct sim_node *node);
struct sim_node *node_leader(void); /* of the highest term, NULL if there is none */
bool node_may_crash_now(struct sim_node *node, unsigned per_million);

/* network.c */
void network_init(void);
void network_send(struct sim_node *from, uint64_t to, const struct message *message);
void network_send_snapshot(struct sim_node *from, uint64_t to, const struct message *install);
void network_deliver(void);
int64_t network_next(void);
void network_cut(uint64_t from, uint64_t to, bool cut);
bool network_is_cut(uint64_t from, uint64_t to);
void network_lose(uint64_t from, uint64_t to); /* what is on its way, or the end of it */
void network_heal(void);

/* oracle.c */
void oracle_logged(struct sim_node *node, const struct log_job *job);
void oracle_voted(struct sim_node *node, uint64_t term, uint64_t candidate);
void oracle_turn(struct sim_node *node);
void oracle_booted(struct sim_node *node);
void oracle_acked(uint64_t request, uint64_t index);
bool oracle_converged(void);
void oracle_final(void);
uint64_t oracle_acked_index(void); /* the highest that a client was told of */
void oracle_settled(uint64_t index);
void oracle_contact(void);

/* oracle_configuration.c */
void oracle_configuration(struct sim_node *node);

/* client.c */
void client_applied(struct sim_node *node, const struct applied_request *requests, size_t count);
void client_finished(struct sim_node *node, uint64_t ticket, enum err err, uint64_t index);
void client_events(void);
int64_t client_next(void);
bool client_waits(uint64_t request);
bool client_idle(void); /* everything asked has been acknowledged, and nothing more will be asked */

/* operator.c */
void operator_finished(uint64_t ticket, enum err err, const struct complaint *complaint);
void operator_events(void);
int64_t operator_next(void);
bool operator_idle(void);
bool operator_may_damage(const struct sim_node *node);

/* nemesis.c */
void nemesis_events(void);
int64_t nemesis_next(void);

/* connection.c */
bool connection_is_made(uint64_t from, uint64_t to);
bool connection_is_dead(uint64_t from, uint64_t to); /* what is sent over it is lost */
int64_t connection_tried_ms(uint64_t from, uint64_t to); /* for what waits: INT64_MAX if it is not */
void connection_break(uint64_t from, uint64_t to, int64_t for_ms);
void connection_cut(uint64_t from, uint64_t to); /* nothing gets through; perhaps soon again */
void connection_crashed(uint64_t id);
void connection_booted(uint64_t id);
void connection_events(void);
int64_t connection_next(void);

/* health.c */
bool health_declines(const struct sim_node *node);
void health_strike(struct sim_node *node, int64_t for_ms);
void health_finished(enum err err, const struct complaint *complaint);
void health_told_to_lead(const struct sim_node *by, uint64_t to);
void health_events(struct sim_node *node);
int64_t health_next(const struct sim_node *node);

/* stop.c */
enum stop_step { STOP_RECEIVED, STOP_SAVING, STOP_SAVED, STOP_SENT, STOP_COMMITTED, STOP_APPLIED, STOP_ANSWERED, STOP_STEPS };
/* A request is at this step on that node. */
void stop_at(enum stop_step step, struct sim_node *node, const struct id *request);
void stop_at_entries(enum stop_step step, struct sim_node *node, struct entry *const *entries, size_t count);
void stop_acked(uint64_t request);
void stop_events(void);
int64_t stop_next(void);

#define TICKET_OPERATOR (1ull << 62)
#define TICKET_HEALTH (1ull << 61)   /* others are a client's reads */

/* run.c */
void sim_run(uint64_t seed, unsigned nodes, bool trace_it, bool leader_stops);
