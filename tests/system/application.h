/* An application as its module sees it: loaded by name, initialized with whatever arguments. Needs CRATON_MODULE, CRATON_PIN,
 * CRATON_SO_PIN. */
#pragma once
#include "wire/cryptoki.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern CK_FUNCTION_LIST *p11;
extern CK_SLOT_ID slot;

#define RW (CKF_SERIAL_SESSION | CKF_RW_SESSION)
#define RO CKF_SERIAL_SESSION
#define PIN getenv("CRATON_PIN")
#define SO_PIN getenv("CRATON_SO_PIN")

/* Ends the program with a line if the call does not give that. */
#define EXPECT(call, rv) expect_rv(call, rv, #call, __FILE__, __LINE__)
#define EXPECT_TRUE(true_) ((true_) ? (void)0 : expect_rv(CKR_FUNCTION_FAILED, CKR_OK, #true_, __FILE__, __LINE__))
void expect_rv(CK_RV got, CK_RV wanted, const char *what, const char *file, int line);

void *load(void);                         /* the module: p11 is set; dlclose() */
void *load_file(const char *file);
void start(void *arguments);              /* C_Initialize, and `slot` is set */
CK_SESSION_HANDLE open_session(CK_FLAGS flags);
CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin);
CK_OBJECT_HANDLE make_key(CK_SESSION_HANDLE session, bool is_token);
CK_RV use_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key);
CK_STATE state_of(CK_SESSION_HANDLE session);
CK_TOKEN_INFO token_info(void);

void one_round(void);                     /* from C_Initialize to C_Finalize, with all left open */
void expect_nothing_left_by(void (*round)(void)); /* fifteen times: no descriptor, thread or byte */

#define THREADS 8
void in_threads(void *(*work)(void *), pthread_t threads[THREADS]);
void join(pthread_t threads[THREADS]);
extern CK_OBJECT_HANDLE shared_key;
extern atomic_int uses;                   /* of it, so far */
void *use_until_the_end(void *unused);    /* a thread's: until CKR_CRYPTOKI_NOT_INITIALIZED */
void wait_for_uses(int more);

/* The stories of application_pins.c, */
void run_sessions(void);
void run_pins(void);
void run_init_token(void);
/* application_process.c, */
void run_fork(void);
void run_fork_busy(void);
void run_exit(void);
void run_silent(void);                    /* needs CRATON_NODE, the id of a node's process */
/* application_load.c, */
void run_reload(void);
void run_forgotten(void);
void run_twice(void);
void run_two_slots(void);
/* and application_loss.c. */
void run_enhanced(void);
void run_basic(void);
