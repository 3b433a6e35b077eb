/* fault-token.so: a PKCS#11 module around a real one, with the faults that its control file asks for (faults.h).
 *
 *	CRATON_SHIM_MODULE     the real module; otherwise SoftHSM
 *	CRATON_SHIM_CONTROL    the control file; otherwise shim.conf beside the file that SOFTHSM2_CONF names, so that every
 *	                       node of `craton dev start --module …/fault-token.so` has its own: DIR/NODE/shim.conf
 *
 * CONTROL.hung tells how many calls hang, for tests that wait for one. */
#include "tests/fault/token/faults.h"
#include "tests/fault/token/turn.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOK_AGAIN_NS 2000000
#define SLOTS_MAX 64

/* Held for reading by every call into the real module, so that its sessions are not taken from under one. */
static pthread_rwlock_t real_lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static CK_FUNCTION_LIST *real;
static char control_path[4096];

struct visit {
	struct faults faults;
	enum function function;
	struct turn turn;
	bool has_turn;
};

/* ---- what the faults do */

static void tell_hung(int change)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int hung;
	char path[sizeof control_path + 8], text[16];
	snprintf(path, sizeof path, "%s.hung", control_path);
	pthread_mutex_lock(&lock);
	hung += change;
	int size = snprintf(text, sizeof text, "%-8d\n", hung);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || pwrite(fd, text, (size_t)size, 0) != size)
		fprintf(stderr, "fault: %s can't be written\n", path);
	if (fd >= 0)
		close(fd);
	pthread_mutex_unlock(&lock);
}

/* The control file is all that a call may wait for here, and nothing wakes anybody when a file is written. */
static void hang(struct visit *visit, bool after)
{
	faults_met();
	tell_hung(1);
	do {
		nanosleep(&(struct timespec){ .tv_nsec = LOOK_AGAIN_NS }, NULL);
		faults_now(&visit->faults);
		turn_allow(visit->faults.at_once);
	} while (fault_strikes(&visit->faults.hang, visit->function, after));
	tell_hung(-1);
}

static CK_RV strike(struct visit *visit, bool after, CK_RV rv)
{
	if (fault_strikes(&visit->faults.crash, visit->function, after))
		abort();
	if (fault_strikes(&visit->faults.hang, visit->function, after))
		hang(visit, after);
	if (fault_strikes(&visit->faults.error, visit->function, after) && faults_spend_error())
		return visit->faults.error_rv;
	return rv;
}

static void close_all_sessions(void)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX;
	pthread_rwlock_wrlock(&real_lock);
	if (real->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK)
		for (CK_ULONG i = 0; i < count; i++)
			real->C_CloseAllSessions(slots[i]);
	pthread_rwlock_unlock(&real_lock);
}

/* Each loss happens once, before the first call that comes after it was ordered. */
static void lose_sessions(const struct faults *faults)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static unsigned long lost;
	static bool was_removed;
	pthread_mutex_lock(&lock);
	if ((faults->lose_sessions && faults->lose_sessions != lost) || (faults->is_removed && !was_removed))
		close_all_sessions();
	if (faults->lose_sessions)
		lost = faults->lose_sessions;
	was_removed = faults->is_removed;
	pthread_mutex_unlock(&lock);
}

static CK_RV removed(enum kind kind, CK_RV rv)
{
	switch (kind) {
	case SLOT: return CKR_TOKEN_NOT_PRESENT;
	case SESSION:
	case OPERATION: return CKR_DEVICE_REMOVED;
	default: return rv;
	}
}

/* ---- what is around every call */

/* Unless it is said which functions take their time, operations do. */
static uint64_t latency_us(const struct visit *visit)
{
	const struct fault *latency = &visit->faults.latency;
	bool is_slow = latency->is_narrowed ? latency->functions[visit->function] : function_kind(visit->function) == OPERATION;
	return is_slow ? visit->faults.latency_us : 0;
}

/* CKR_OK: the real function is to be called. */
static CK_RV visit_begin(struct visit *visit, enum function function)
{
	visit->function = function;
	faults_now(&visit->faults);
	if (function_kind(function) != LIBRARY)
		lose_sessions(&visit->faults);
	uint64_t time_us = latency_us(visit);
	if (time_us)
		faults_met();
	visit->has_turn = time_us || (visit->faults.at_once && function_kind(function) == OPERATION);
	if (visit->has_turn)
		turn_take(&visit->turn, visit->faults.at_once, time_us);
	CK_RV rv = strike(visit, false, CKR_OK);
	return rv == CKR_OK && visit->faults.is_removed ? removed(function_kind(function), rv) : rv;
}

static CK_RV visit_end(struct visit *visit, CK_RV rv)
{
	rv = strike(visit, true, rv);
	if (visit->has_turn)
		turn_end(&visit->turn);
	return rv;
}

#define FUNCTION(name, kind, parameters, arguments)                 \
	static CK_RV fault_##name parameters                        \
	{                                                           \
		struct visit visit;                                 \
		CK_RV rv = visit_begin(&visit, AT_##name);          \
		if (rv == CKR_OK) {                                 \
			pthread_rwlock_rdlock(&real_lock);          \
			rv = real->name arguments;                  \
			pthread_rwlock_unlock(&real_lock);          \
		}                                                   \
		return visit_end(&visit, rv);                       \
	}
#include "tests/fault/token/functions.h"
#undef FUNCTION

/* An empty slot is there, without a token. */
static CK_RV list_slots(CK_BBOOL token_present, CK_SLOT_ID_PTR slots, CK_ULONG_PTR count)
{
	struct faults faults;
	CK_RV rv = fault_C_GetSlotList(token_present, slots, count);
	faults_now(&faults);
	if (rv != CKR_TOKEN_NOT_PRESENT || !faults.is_removed)
		return rv;
	if (!token_present)
		return real->C_GetSlotList(CK_FALSE, slots, count);
	*count = 0;
	return CKR_OK;
}

/* ---- the list */

static CK_FUNCTION_LIST list = {
	.version = { 2, 40 },
#define FUNCTION(name, kind, parameters, arguments) .name = fault_##name,
#include "tests/fault/token/functions.h"
#undef FUNCTION
};

static void find_control(void)
{
	const char *named = getenv("CRATON_SHIM_CONTROL"), *softhsm = getenv("SOFTHSM2_CONF");
	const char *slash = softhsm ? strrchr(softhsm, '/') : NULL;
	if (named && *named)
		snprintf(control_path, sizeof control_path, "%s", named);
	else if (slash)
		snprintf(control_path, sizeof control_path, "%.*s/shim.conf", (int)(slash - softhsm), softhsm);
	faults_init(control_path[0] ? control_path : NULL);
}

static CK_RV load(void)
{
	const char *named = getenv("CRATON_SHIM_MODULE");
	const char *path = named && *named ? named : SOFTHSM_MODULE;
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
	if (get)
		return get(&real);
	fprintf(stderr, "fault: %s can't be loaded: %s\n", path, dlerror());
	return CKR_GENERAL_ERROR;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR out)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	CK_RV rv = CKR_OK;
	pthread_mutex_lock(&lock);
	if (!real) {
		find_control();
		rv = load();
		list.C_GetFunctionList = C_GetFunctionList;
		list.C_GetSlotList = list_slots;
	}
	pthread_mutex_unlock(&lock);
	*out = &list;
	return rv;
}
