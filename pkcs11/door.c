#include "pkcs11/door.h"
#include "pkcs11/library.h"
#include "base/log.h"

struct trouble {
	CK_RV rv;
	bool is_loss;
};
#define COUNT(table) (sizeof(table) / sizeof *(table))

/* What group_call gives when no member has answered. Whatever is not here is a member lost in some other way. */
static const struct trouble errors[] = {
	[ERR_CLOSED] = { CKR_DEVICE_REMOVED, true },   /* every member is lost */
	[ERR_TIMEOUT] = { CKR_DEVICE_REMOVED, true },  /* the same; the last by its silence */
	[ERR_TOO_BIG] = { CKR_DATA_LEN_RANGE, false },
	[ERR_NO_MEMORY] = { CKR_HOST_MEMORY, false },
};

/* What the last member to answer had against it, when the time was up or nobody else was to be asked. */
static const struct trouble faults[] = {
	[CRATON__FAULT__FAULT_BEHIND] = { CKR_DEVICE_ERROR, true },
	[CRATON__FAULT__FAULT_NOT_SERVING] = { CKR_DEVICE_ERROR, true },
	/* No majority in time. What was to be changed was not, or it was and will be seen: the next question tells. */
	[CRATON__FAULT__FAULT_NO_MAJORITY] = { CKR_FUNCTION_FAILED, true },
	[CRATON__FAULT__FAULT_UNKNOWN_OBJECT] = { CKR_OBJECT_HANDLE_INVALID, false }, /* destroyed by another application */
	[CRATON__FAULT__FAULT_MALFORMED] = { CKR_DEVICE_ERROR, false },
	[CRATON__FAULT__FAULT_REFUSED] = { CKR_FUNCTION_REJECTED, false },            /* this client may not */
	[CRATON__FAULT__FAULT_BUSY] = { CKR_DEVICE_ERROR, true },
	[CRATON__FAULT__FAULT_TICKET] = { CKR_USER_NOT_LOGGED_IN, false },
};

static const struct trouble *trouble_of_err(enum err err)
{
	bool is_known = (size_t)err < COUNT(errors) && errors[err].rv != CKR_OK;
	return is_known ? &errors[err] : &errors[ERR_CLOSED];
}

/* One that only a newer node knows is some trouble of its own. */
static const struct trouble *trouble_of_fault(Craton__Fault fault)
{
	bool is_known = (size_t)fault < COUNT(faults) && faults[fault].rv != CKR_OK;
	return is_known ? &faults[fault] : &faults[CRATON__FAULT__FAULT_NOT_SERVING];
}

CK_RV rv_of_err(enum err err)
{
	return trouble_of_err(err)->rv;
}

bool err_is_loss(enum err err)
{
	return trouble_of_err(err)->is_loss;
}

bool fault_is_loss(Craton__Fault fault)
{
	return fault != CRATON__FAULT__FAULT_NONE && trouble_of_fault(fault)->is_loss;
}

CK_RV rv_of_reply(const Craton__Reply *reply, Craton__Reply__BodyCase wanted)
{
	if (reply->fault != CRATON__FAULT__FAULT_NONE)
		return trouble_of_fault(reply->fault)->rv;
	if (reply->rv == CKR_SLOT_ID_INVALID) /* removed, or not ours any more: for the application its token is gone */
		return CKR_DEVICE_REMOVED;
	if (reply->rv != CKR_OK)
		return (CK_RV)reply->rv;
	if (wanted == ANY_BODY || reply->body_case == wanted)
		return CKR_OK;
	log_error("pkcs11", "a member's answer is not to the question body=%d wanted=%d", (int)reply->body_case, (int)wanted);
	return CKR_DEVICE_ERROR;
}

CK_RV rv_for_slot(CK_RV rv)
{
	return rv == CKR_DEVICE_REMOVED ? CKR_TOKEN_NOT_PRESENT : rv;
}

CK_RV rv_for_key(CK_RV rv)
{
	return rv == CKR_OBJECT_HANDLE_INVALID ? CKR_KEY_HANDLE_INVALID : rv;
}
