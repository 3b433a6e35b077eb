/* The gate every function passes: is the library initialized, in this very process?
 *
 * A forked child is another process: it finds the gate closed until it calls C_Initialize itself, and then starts
 * afresh, leaving its parent's connections, threads and memory alone. When the process exits without C_Finalize, whoever is inside
 * comes out first, and the gate stays closed. */
#pragma once
#include "pkcs11/library.h"

/* CKR_CRYPTOKI_NOT_INITIALIZED, or CKR_OK and then gate_leave. */
CK_RV gate_enter(struct library **library);
void gate_leave(void);
/* Inside, around a wait that may last for ever: other threads' calls go on even where the application locks for us. */
void gate_let_others(void);
/* CKR_GENERAL_ERROR: the application's mutex is not to be had, and the caller is outside (no gate_leave). */
CK_RV gate_go_on(void);
/* C_Initialize (the arguments may be NULL) and C_Finalize. */
CK_RV gate_open(const CK_C_INITIALIZE_ARGS *arguments);
CK_RV gate_close(void);
