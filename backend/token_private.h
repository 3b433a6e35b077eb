/* What token.c (opening) and token_pool.c (sessions) share. Inside backend/ only. */
#pragma once
#include "backend/module.h"
#include <pthread.h>
#include <stdatomic.h>

enum lease_state {
	LEASE_CLOSED, /* no session behind it */
	LEASE_IDLE,
	LEASE_OUT,    /* a thread is at work with it */
	LEASE_ASIDE,  /* its owner has an operation left on it, and will be back with the ticket */
	LEASE_ABSENT, /* the token has no such session to give: it said CKR_SESSION_COUNT */
};

/* Who is in the token, and since when. */
struct stay {
	int64_t since_ms;
	enum token_work work;
	pthread_t thread;
};

/* A place in the pool. */
struct lease {
	enum lease_state state;
	CK_SESSION_HANDLE session;
	uint64_t ticket;      /* of LEASE_ASIDE; never another's */
	struct stay stay;     /* of LEASE_OUT */
};

struct token {
	struct module module;
	char *path, *uri;
	struct secret *pin;
	bool is_pin_refused;  /* never tried again */
	_Atomic uint64_t generation;
	_Atomic bool is_shut;
	pthread_mutex_t lock; /* guards all below, and module.info */
	pthread_cond_t returned;    /* a session of the pool */
	pthread_cond_t keeper_left;
	pthread_cond_t left;        /* by one of those who were at work in it when it was shut */
	struct lease keeper;  /* holds the login (a token forgets it with its last session) and owns the loaded keys */
	struct lease service; /* whoever opens the token, or looks whether it is well; has no session of its own */
	struct lease *leases;
	size_t lease_count;
	uint64_t last_ticket;
	int64_t long_work_ms; /* when a long call was last seen at work (token_overdue) */
};

/* Its thread is in the token from here on. */
void lease_enter_locked(struct lease *lease, enum token_work work);

/* The thread that sees to the token, and calls it without a borrowed session; there is one. */
void token_service_begin(struct token *token, enum token_work work);
void token_service_end(struct token *token);
/* For whoever is at that. */
CK_SESSION_HANDLE token_keeper(struct token *token);
