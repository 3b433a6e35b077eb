#include "backend/offered.h"
#include "backend/doubt.h"
#include "backend/token_private.h"
#include <stdlib.h>

static int by_type(const void *a, const void *b)
{
	CK_MECHANISM_TYPE left = ((const struct mechanism *)a)->type, right = ((const struct mechanism *)b)->type;
	return left < right ? -1 : left > right;
}

static CK_RV ask(struct token *token, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	token_service_begin(token, TOKEN_WORK_SHORT);
	CK_RV rv = token_functions(token)->C_GetMechanismInfo(token_slot(token), type, info);
	token_service_end(token);
	return rv;
}

/* One odd mechanism is no reason to do without all others: of what it is said in a vendor's own words, or "general error" twice, nothing is
 * known. SoftHSM sets some flags with |=. */
static CK_RV describe(struct token *token, CK_MECHANISM_TYPE type, struct mechanism *out)
{
	*out = (struct mechanism){ .type = type };
	CK_RV rv = ask(token, type, &out->info);
	if (is_unclear(rv) || is_doubtful(rv)) {
		out->info = (CK_MECHANISM_INFO){ 0 };
		rv = ask(token, type, &out->info);
	}
	if (rv != CKR_OK)
		out->info = (CK_MECHANISM_INFO){ 0 };
	return is_of_the_moment(rv) ? rv : CKR_OK;
}

static CK_RV list(struct token *token, CK_MECHANISM_TYPE types[MECHANISMS_MAX], CK_ULONG *count)
{
	*count = MECHANISMS_MAX;
	token_service_begin(token, TOKEN_WORK_SHORT);
	CK_RV rv = token_functions(token)->C_GetMechanismList(token_slot(token), types, count);
	token_service_end(token);
	return rv;
}

CK_RV token_mechanisms(struct token *token, struct mechanism **out, size_t *count)
{
	CK_MECHANISM_TYPE types[MECHANISMS_MAX];
	CK_ULONG listed;
	CK_RV rv = list(token, types, &listed);
	*out = rv == CKR_OK ? calloc(listed + 1, sizeof **out) : NULL;
	*count = listed;
	if (rv == CKR_OK && !*out)
		rv = CKR_HOST_MEMORY;
	for (CK_ULONG i = 0; rv == CKR_OK && i < listed; i++)
		rv = describe(token, types[i], &(*out)[i]);
	if (rv == CKR_OK)
		qsort(*out, listed, sizeof **out, by_type);
	return rv;
}
