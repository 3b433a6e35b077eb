#include "pkcs11/gate.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/wait.h"
#include "ha/descriptors.h"
#include "pkcs11/locking.h"
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define EXIT_PATIENCE_MS 1000 /* for calls to come out of the library when the process exits */

struct gate {
	pid_t process;
	struct gate *before;      /* the parent's, left as the fork found it: its locks may be held by nobody */
	bool has_left_parent;     /* what a child inherits has been let go */
	pthread_mutex_t lock;
	pthread_cond_t left;
	struct library *library;  /* NULL: closed */
	struct locking locking;   /* while it is open; the application's, around what it calls */
	unsigned inside;
	bool closing;
	bool exiting;             /* the process is: nobody comes in any more, and nothing is taken down */
};

static _Atomic(struct gate *) newest;

static struct gate *gate_create(struct gate *before)
{
	struct gate *gate = calloc(1, sizeof *gate);
	if (!gate)
		return NULL;
	gate->process = getpid();
	gate->before = before;
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->left, NULL);
	return gate;
}

static struct gate *gate_here(void)
{
	struct gate *gate = atomic_load(&newest);
	return gate && gate->process == getpid() ? gate : NULL;
}

/* This process's gate, which is never freed: there is one in a process's life. */
static struct gate *gate_found(void)
{
	struct gate *gate = gate_here();
	if (gate)
		return gate;
	struct gate *before = atomic_load(&newest);
	if (before && before->process == getpid())
		return before;
	gate = gate_create(before);
	if (!gate || atomic_compare_exchange_strong(&newest, &before, gate))
		return gate;
	free(gate); /* another thread was first */
	return atomic_load(&newest);
}

/* Inside, without the application's mutex. */
static CK_RV come_in(struct gate *gate, struct library **library)
{
	pthread_mutex_lock(&gate->lock);
	*library = gate->closing || gate->exiting ? NULL : gate->library;
	gate->inside += *library != NULL;
	pthread_mutex_unlock(&gate->lock);
	return *library ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED;
}

static void go_out(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->inside--;
	if (gate->closing || gate->exiting)
		pthread_cond_broadcast(&gate->left);
	pthread_mutex_unlock(&gate->lock);
}

/* Who waits for the application's mutex is inside already: nobody destroys it meanwhile. */
CK_RV gate_enter(struct library **library)
{
	struct gate *gate = gate_here();
	CK_RV rv = gate ? come_in(gate, library) : CKR_CRYPTOKI_NOT_INITIALIZED;
	if (rv != CKR_OK)
		return rv;
	rv = locking_enter(&gate->locking);
	if (rv != CKR_OK)
		go_out(gate);
	return rv;
}

void gate_leave(void)
{
	struct gate *gate = gate_here();
	locking_leave(&gate->locking);
	go_out(gate);
}

void gate_let_others(void)
{
	locking_leave(&gate_here()->locking);
}

CK_RV gate_go_on(void)
{
	struct gate *gate = gate_here();
	CK_RV rv = locking_enter(&gate->locking);
	if (rv != CKR_OK)
		go_out(gate);
	return rv;
}

/* They come out at once, for every wait has ended. But the thread that exits may itself be inside (in an application's mutex
 * function), or hold what another one waits for. */
static void wait_until_left(struct gate *gate)
{
	deadline_ms until = deadline_in(EXIT_PATIENCE_MS);
	bool is_time = true;
	pthread_mutex_lock(&gate->lock);
	while ((gate->inside || gate->closing) && is_time)
		is_time = wait_until(&gate->left, &gate->lock, until);
	pthread_mutex_unlock(&gate->lock);
}

/* A process may end without C_Finalize, and while its threads are inside. Neither they nor our own may be at work while OpenSSL
 * takes itself down; so nobody is inside from here on, and nothing else is touched. */
static void at_exit(void)
{
	struct gate *gate = gate_here();
	if (!gate)
		return;
	pthread_mutex_lock(&gate->lock);
	struct library *library = gate->closing ? NULL : gate->library;
	gate->exiting = gate->library != NULL;
	pthread_mutex_unlock(&gate->lock);
	if (library)
		library_stop(library);
	wait_until_left(gate);
}

/* "Functions … are called in the reverse order of their registration" (atexit): OpenSSL registers its own when it is first used,
 * which is here at the latest. */
static void watch_for_exit(void)
{
	static atomic_bool watches;
	if (atomic_exchange(&watches, true))
		return;
	OPENSSL_init_crypto(0, NULL);
	atexit(at_exit);
}

/* Connections are closed without a word, so that the parent's go on; locks are held, perhaps, by threads that are not here. */
static void leave_to_parent_locked(struct gate *gate)
{
	if (!gate->before || gate->has_left_parent)
		return;
	gate->has_left_parent = true;
	descriptors_close_inherited();
	digest_leave_to_parent();
}

static CK_RV open_locked(struct gate *gate, const CK_C_INITIALIZE_ARGS *arguments)
{
	struct complaint complaint = { "" };
	bool may_start_threads = !arguments || !(arguments->flags & CKF_LIBRARY_CANT_CREATE_OS_THREADS);
	if (gate->library)
		return CKR_CRYPTOKI_ALREADY_INITIALIZED;
	leave_to_parent_locked(gate);
	log_as_environment_says();
	enum err err = library_create(may_start_threads, &gate->library, &complaint);
	if (err == ERR_OK) {
		watch_for_exit();
		return CKR_OK;
	}
	log_error("pkcs11", "not initialized: %s", complaint.text);
	return err == ERR_NO_MEMORY ? CKR_HOST_MEMORY : CKR_GENERAL_ERROR;
}

/* The application's functions are not called with our lock held. */
CK_RV gate_open(const CK_C_INITIALIZE_ARGS *arguments)
{
	struct locking locking;
	CK_RV rv = locking_open(&locking, arguments);
	if (rv != CKR_OK)
		return rv;
	struct gate *gate = gate_found();
	if (gate) {
		pthread_mutex_lock(&gate->lock);
		while (gate->closing)
			pthread_cond_wait(&gate->left, &gate->lock);
		rv = open_locked(gate, arguments);
		if (rv == CKR_OK)
			gate->locking = locking;
		pthread_mutex_unlock(&gate->lock);
	} else {
		rv = CKR_HOST_MEMORY;
	}
	if (rv != CKR_OK)
		locking_close(&locking);
	return rv;
}

CK_RV gate_close(void)
{
	struct gate *gate = gate_here();
	if (!gate)
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	pthread_mutex_lock(&gate->lock);
	struct library *library = gate->closing || gate->exiting ? NULL : gate->library;
	gate->closing |= library != NULL;
	pthread_mutex_unlock(&gate->lock);
	if (!library)
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	library_stop(library);
	pthread_mutex_lock(&gate->lock);
	while (gate->inside)
		pthread_cond_wait(&gate->left, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
	library_destroy(library);
	locking_close(&gate->locking);
	pthread_mutex_lock(&gate->lock);
	gate->library = NULL;
	gate->closing = false;
	pthread_cond_broadcast(&gate->left);
	pthread_mutex_unlock(&gate->lock);
	return CKR_OK;
}
