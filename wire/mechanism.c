#include "wire/mechanism.h"
#include "base/id.h"
#include "wire/bytes.h"
#include "wire/mechanism_form.h"
#include "wire/mechanism_table.h"
#include <stdlib.h>
#include <string.h>

void *layout_message(const struct layout *layout, const Craton__Mechanism *mechanism)
{
	void *message;
	if (!layout->message)
		return (void *)(uintptr_t)mechanism;
	memcpy(&message, &mechanism->pss, sizeof message); /* whichever of the union it is */
	return message;
}

/* "hashAlg: ... if the signature mechanism includes message hashing, then this value must match the hash algorithm specified by the
 * signature mechanism." */
static bool hashes_agree(const Craton__Mechanism *m)
{
	const struct mechanism_facts *facts = mechanism_facts((CK_MECHANISM_TYPE)m->type);
	return !facts || !facts->hash || facts->hash == m->pss->hash;
}

/* The wire's half is judged the same, whichever way it goes. */
static bool is_sane(const struct form *form, const Craton__Mechanism *m)
{
	const struct layout *layout = layout_of(form->kind);
	if (m->parameter_case == CRATON__MECHANISM__PARAMETER__NOT_SET)
		return form->kind == FORM_NOTHING || form->kind == FORM_KEY || (!form->min && form->kind != FORM_NUMBER);
	if (m->parameter_case != layout->parameter)
		return false;
	switch (form->kind) {
	case FORM_BYTES:
		return m->raw.len >= form->min && m->raw.len <= form->max;
	case FORM_NUMBER:
		return m->number <= form->max;
	default:
		return layout_message(layout, m) && layout_judge(layout, layout_message(layout, m)) && (form->kind != FORM_PSS || hashes_agree(m));
	}
}

/* To the wire */

static CK_RV put_bytes(const struct form *form, const CK_MECHANISM *from, Craton__Mechanism *to)
{
	if (from->ulParameterLen > form->max)
		return CKR_MECHANISM_PARAM_INVALID;
	if (!from->ulParameterLen)
		return CKR_OK;
	to->parameter_case = CRATON__MECHANISM__PARAMETER_RAW;
	return wire_set_bytes(&to->raw, from->pParameter, from->ulParameterLen) ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV put_number(const CK_MECHANISM *from, Craton__Mechanism *to)
{
	CK_ULONG number;
	if (from->ulParameterLen != sizeof number)
		return CKR_MECHANISM_PARAM_INVALID;
	memcpy(&number, from->pParameter, sizeof number);
	to->parameter_case = CRATON__MECHANISM__PARAMETER_NUMBER;
	to->number = number;
	return CKR_OK;
}

static CK_RV make_message(const struct layout *layout, Craton__Mechanism *to)
{
	void *message = malloc(layout->message->sizeof_message);
	if (!message)
		return CKR_HOST_MEMORY;
	protobuf_c_message_init(layout->message, message);
	memcpy(&to->pss, &message, sizeof message);
	return CKR_OK;
}

static CK_RV put_structure(const struct form *form, const CK_MECHANISM *from, Craton__Mechanism *to)
{
	const struct layout *layout = layout_of(form->kind);
	union structure copy;
	if (!from->ulParameterLen)
		return CKR_OK; /* is_sane knows whether it may */
	CK_RV rv = layout_read(layout, from->pParameter, from->ulParameterLen, &copy);
	if (rv == CKR_OK && layout->message)
		rv = make_message(layout, to);
	if (rv != CKR_OK)
		return rv;
	to->parameter_case = layout->parameter;
	return layout_to_wire(layout, &copy, layout_message(layout, to));
}

static CK_RV put_parameter(const struct form *form, const CK_MECHANISM *from, Craton__Mechanism *to)
{
	switch (form->kind) {
	case FORM_NOTHING:
		return from->ulParameterLen ? CKR_MECHANISM_PARAM_INVALID : CKR_OK;
	case FORM_BYTES:
		return put_bytes(form, from, to);
	case FORM_NUMBER:
		return put_number(from, to);
	case FORM_KEY: /* travels as one of the mechanism's keys */
		return from->ulParameterLen == sizeof(CK_OBJECT_HANDLE) ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
	default:
		return put_structure(form, from, to);
	}
}

CK_RV mechanism_to_wire(const CK_MECHANISM *mechanism, bool takes_bytes, Craton__Mechanism **out)
{
	const struct form *form = mechanism_form(mechanism->mechanism, takes_bytes);
	if (mechanism->ulParameterLen && !mechanism->pParameter)
		return CKR_MECHANISM_PARAM_INVALID;
	if (!form && mechanism->ulParameterLen)
		return CKR_MECHANISM_INVALID;
	Craton__Mechanism *made = malloc(sizeof *made);
	if (!made)
		return CKR_HOST_MEMORY;
	craton__mechanism__init(made);
	made->type = mechanism->mechanism;
	CK_RV rv = form ? put_parameter(form, mechanism, made) : CKR_OK;
	if (rv == CKR_OK && form && !is_sane(form, made))
		rv = CKR_MECHANISM_PARAM_INVALID;
	if (rv == CKR_OK)
		*out = made;
	else
		craton__mechanism__free_unpacked(made, NULL);
	return rv;
}

/* The objects that it names */

size_t mechanism_keys(const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handles[MECHANISM_KEYS_MAX])
{
	const struct form *form = mechanism_form(mechanism->mechanism, false);
	CK_HKDF_PARAMS hkdf;
	if (!form || (form->kind != FORM_KEY && form->kind != FORM_HKDF))
		return 0;
	if (form->kind == FORM_KEY) {
		memcpy(&handles[0], mechanism->pParameter, sizeof handles[0]);
		return 1;
	}
	memcpy(&hkdf, mechanism->pParameter, sizeof hkdf);
	handles[0] = hkdf.hSaltKey;
	return hkdf.ulSaltType == CKF_HKDF_SALT_KEY ? 1 : 0;
}

/* How many a message must bring for it. */
static size_t keys_wanted(const struct form *form, const Craton__Mechanism *m)
{
	if (form && form->kind == FORM_HKDF)
		return m->hkdf->salt_type == CKF_HKDF_SALT_KEY ? 1 : 0;
	return form && form->kind == FORM_KEY ? 1 : 0;
}

/* From the wire */

struct native {
	CK_MECHANISM mechanism; /* first: what the caller frees */
	CK_ULONG number;
};

static void *lay_parameter(const struct layout *layout, const Craton__Mechanism *m, const CK_OBJECT_HANDLE *keys, struct native *native,
                           struct block *block)
{
	if (layout->size)
		return layout_to_native(layout, layout_message(layout, m), keys, block);
	if (layout->parameter == CRATON__MECHANISM__PARAMETER_RAW)
		return block_copy(block, &m->raw);
	if (native)
		native->number = (CK_ULONG)m->number;
	return native ? &native->number : NULL;
}

static CK_ULONG parameter_size(const struct layout *layout, const Craton__Mechanism *m)
{
	if (layout->size)
		return layout->size;
	return layout->parameter == CRATON__MECHANISM__PARAMETER_RAW ? m->raw.len : sizeof(CK_ULONG);
}

static struct native *lay_out(const struct form *form, const Craton__Mechanism *m, const CK_OBJECT_HANDLE *keys, struct block *block)
{
	struct native *native = block_take(block, sizeof *native);
	bool has_parameter = m->parameter_case != CRATON__MECHANISM__PARAMETER__NOT_SET || (form && form->kind == FORM_KEY);
	const struct layout *layout = has_parameter ? layout_of(form->kind) : NULL;
	void *parameter = layout ? lay_parameter(layout, m, keys, native, block) : NULL;
	if (native)
		native->mechanism = (CK_MECHANISM){ (CK_MECHANISM_TYPE)m->type, parameter, layout ? parameter_size(layout, m) : 0 };
	return native;
}

/* A token that heeds no request for an IV would else use zeros, with every message the same. And one that goes by the bits, which
 * many applications leave to chance, would else read beyond the IV. */
static void settle_iv(const Craton__Mechanism *asked, const CK_MECHANISM *mechanism)
{
	CK_GCM_PARAMS *gcm = mechanism->pParameter;
	if (asked->parameter_case != CRATON__MECHANISM__PARAMETER_GCM)
		return;
	if (asked->gcm->iv_size)
		random_bytes(gcm->pIv, gcm->ulIvLen);
	if (gcm->ulIvBits > gcm->ulIvLen * 8)
		gcm->ulIvBits = gcm->ulIvLen * 8;
}

CK_RV mechanism_from_wire(const Craton__Mechanism *mechanism, bool takes_bytes, const CK_OBJECT_HANDLE *keys,
                          CK_MECHANISM **out)
{
	const struct form *form = mechanism_form(mechanism->type, takes_bytes);
	struct block counting = { 0 };
	if (mechanism->type > (CK_MECHANISM_TYPE)-1 || (!form && mechanism->parameter_case != CRATON__MECHANISM__PARAMETER__NOT_SET))
		return CKR_MECHANISM_INVALID;
	if (form && !is_sane(form, mechanism))
		return CKR_MECHANISM_PARAM_INVALID;
	size_t wanted = keys_wanted(form, mechanism);
	if (mechanism->n_keys != wanted || (wanted && !keys))
		return CKR_MECHANISM_PARAM_INVALID;
	lay_out(form, mechanism, wanted ? keys : NULL, &counting);
	struct block block = { .data = calloc(1, counting.size) };
	if (!block.data)
		return CKR_HOST_MEMORY;
	struct native *native = lay_out(form, mechanism, wanted ? keys : NULL, &block);
	settle_iv(mechanism, &native->mechanism);
	*out = &native->mechanism;
	return CKR_OK;
}

bool mechanism_new_iv(const Craton__Mechanism *asked, const CK_MECHANISM *used, struct bytes *iv)
{
	const CK_GCM_PARAMS *gcm = used->pParameter;
	if (asked->parameter_case != CRATON__MECHANISM__PARAMETER_GCM || !gcm->pIv)
		return false;
	const ProtobufCBinaryData *before = &asked->gcm->iv;
	size_t room = before->len ? before->len : (size_t)asked->gcm->iv_size;
	*iv = (struct bytes){ gcm->pIv, gcm->ulIvLen < room ? gcm->ulIvLen : room };
	return iv->size && (iv->size != before->len || memcmp(iv->data, before->data, iv->size) != 0);
}
