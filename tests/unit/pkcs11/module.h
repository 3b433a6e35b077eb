/* The library with a toy slot behind it. */
#pragma once
#include "tests/check.h"
#include "tests/support/toy_token.h"
#include "wire/cryptoki.h"
#include <stdlib.h>
#include <string.h>

#define NODES_MAX 3
#define RW (CKF_SERIAL_SESSION | CKF_RW_SESSION)
#define RO CKF_SERIAL_SESSION
#define SLOT 1

struct module {
	struct toy toy;
	struct fake_node *nodes[NODES_MAX];
	char folder[32];
	size_t count;
};
extern struct module module;
extern const char *module_command; /* [timeouts] command: "5s" */

/* Nodes a, b, c that are one cluster, craton.conf and CRATON_CONF; nothing is initialized. `recovery`: lines of that section. */
void module_prepare(size_t count, const char *recovery);
void module_finish(void);
void node_start(size_t n);
void node_start_as(size_t n, const char *name); /* another than is expected there */
void node_stop(size_t n);
unsigned module_requests(void); /* answered by all nodes that run now */
/* Prepared, initialized, with sessions and the user logged in as the names say. */
CK_SESSION_HANDLE module_start(void);
void module_stop(void);
CK_SESSION_HANDLE open_session(CK_FLAGS flags);
CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin);

CK_OBJECT_HANDLE make_aes(CK_SESSION_HANDLE session, bool is_token, const char *label);
CK_OBJECT_HANDLE make_data(CK_SESSION_HANDLE session, bool is_token, const char *label);
void make_ec(CK_SESSION_HANDLE session, bool is_token, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key);
void make_rsa(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key);

bool expect_rv(CK_RV got, CK_RV want, const char *what, int line);
#define EXPECT(call, want) CU_ASSERT(expect_rv(call, want, #call, __LINE__))
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define BYTES(text) ((CK_BYTE_PTR)(uintptr_t)(text))
