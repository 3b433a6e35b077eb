#include "backend/module.h"
#include "backend/identity.h"
#include "base/id.h"
#include <assert.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_SIZE 320

/* Token fields are padded with blanks and not terminated. */
static int width(const unsigned char *text, size_t size_max)
{
	return (int)p11_kit_space_strlen(text, size_max);
}

/* What is on the disk afterwards need not be what was loaded. By another name than its path p11-kit finds it in a folder of its own: then only
 * what is there afterwards is known. */
static void identify_files(struct module *module, const uint8_t before[SHA256_SIZE])
{
	uint8_t now[SHA256_SIZE], found[SHA256_SIZE], objects[SHA256_SIZE];
	struct id never = id_random();
	char *path = p11_kit_module_get_filename(module->p11);
	file_identify(module->path, now);
	file_identify(path ? path : module->path, found);
	objects_identify(objects);
	bool is_same = memcmp(before, now, sizeof now) == 0;
	struct bytes parts[] = { { found, sizeof found }, { objects, sizeof objects }, { never.bytes, is_same ? 0 : sizeof never.bytes } };
	sha256(parts, sizeof parts / sizeof *parts, module->files);
	free(path);
}

static enum err load(struct module *module, struct complaint *complaint)
{
	uint8_t before[SHA256_SIZE];
	if (!module->path || !*module->path)
		return complain(complaint, ERR_CONFIG,
		                "no PKCS#11 module is named: set module in [token], for example "
		                "module = /usr/lib/softhsm/libsofthsm2.so");
	p11_kit_be_quiet();
	file_identify(module->path, before);
	/* Managed by p11-kit: initialised with CKF_OS_LOCKING_OK, once for all who load it in this process. */
	module->p11 = p11_kit_module_load(module->path, P11_KIT_MODULE_CRITICAL);
	if (!module->p11) {
		const char *why = p11_kit_message();
		return complain(complaint, ERR_CONFIG, "the PKCS#11 module %s can't be loaded: %s; check module in [token]",
		                module->path, why ? why : "it is not a PKCS#11 module");
	}
	identify_files(module, before);
	return ERR_OK;
}

/* A module may find out here already that its device is away; if it never started, all else is how it was set up. */
static bool is_device(CK_RV rv)
{
	return rv == CKR_DEVICE_ERROR || rv == CKR_DEVICE_REMOVED || rv == CKR_TOKEN_NOT_PRESENT;
}

static enum err start(struct module *module, struct complaint *complaint)
{
	CK_RV rv = p11_kit_module_initialize(module->p11);
	module->is_started = rv == CKR_OK;
	if (module->is_started)
		return ERR_OK;
	return complain(complaint, is_device(rv) || module->is_known ? ERR_IO : ERR_CONFIG,
	                "the PKCS#11 module %s does not start: %s; check its own configuration",
	                module->path, p11_kit_strerror(rv));
}

static void end(struct module *module)
{
	if (module->is_started)
		p11_kit_module_finalize(module->p11);
	module->is_started = false;
}

static enum err parse_uri(const struct module *module, P11KitUri **out, struct complaint *complaint)
{
	const char *text = module->uri && *module->uri ? module->uri : "pkcs11:";
	P11KitUri *uri = p11_kit_uri_new();
	if (!uri)
		return ERR_NO_MEMORY;
	int result = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
	const char *wrong = NULL;
	if (result != P11_KIT_URI_OK)
		wrong = p11_kit_uri_message(result);
	else if (p11_kit_uri_any_unrecognized(uri))
		wrong = "it has a part that is not known";
	else if (p11_kit_uri_get_pin_value(uri))
		wrong = "a PIN must not stand in it, use pin_file";
	if (!wrong) {
		*out = uri;
		return ERR_OK;
	}
	p11_kit_uri_free(uri);
	/* The URI itself is not repeated: it may hold a PIN. */
	return complain(complaint, ERR_CONFIG, "uri in [token] is no token's address: %s; write for example uri = pkcs11:token=NAME",
	                wrong);
}

static CK_RV list_slots(const struct module *module, CK_SLOT_ID **slots, CK_ULONG *count)
{
	CK_RV rv;
	*slots = NULL;
	do { /* a token may be plugged in between the question and the answer */
		rv = module->p11->C_GetSlotList(CK_TRUE, NULL, count);
		if (rv != CKR_OK)
			break;
		free(*slots);
		*slots = calloc(*count + 1, sizeof **slots);
		rv = *slots ? module->p11->C_GetSlotList(CK_TRUE, *slots, count) : CKR_HOST_MEMORY;
	} while (rv == CKR_BUFFER_TOO_SMALL);
	if (rv != CKR_OK) {
		free(*slots);
		*slots = NULL;
	}
	return rv;
}

static bool slot_matches(const struct module *module, P11KitUri *uri, CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_SLOT_INFO slot_info;
	CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(uri);
	return module->p11->C_GetSlotInfo(slot, &slot_info) == CKR_OK &&
	       (wanted == (CK_SLOT_ID)-1 || wanted == slot) &&
	       p11_kit_uri_match_slot_info(uri, &slot_info) == 1 &&
	       p11_kit_uri_match_token_info(uri, info) == 1;
}

/* For the line that says what there is instead. */
static void name_token(char names[NAMES_SIZE], const CK_TOKEN_INFO *info)
{
	size_t used = strlen(names);
	snprintf(names + used, NAMES_SIZE - used, "%s\"%.*s\" (serial %.*s)", used ? ", " : "",
	         width(info->label, sizeof info->label), (const char *)info->label,
	         width(info->serialNumber, sizeof info->serialNumber), (const char *)info->serialNumber);
}

enum err module_choose(struct module *module, struct complaint *complaint)
{
	char present[NAMES_SIZE] = "", matching[NAMES_SIZE] = "";
	size_t found = 0;
	bool is_silent = false;
	CK_SLOT_ID *slots = NULL;
	CK_ULONG count = 0;
	P11KitUri *uri = NULL;
	enum err err = parse_uri(module, &uri, complaint);
	if (err != ERR_OK)
		return err;
	const char *text = module->uri && *module->uri ? module->uri : "pkcs11:";
	CK_RV rv = list_slots(module, &slots, &count);
	for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
		CK_TOKEN_INFO info;
		bool answers = module->p11->C_GetTokenInfo(slots[i], &info) == CKR_OK;
		is_silent = is_silent || !answers;
		if (!answers || !(info.flags & CKF_TOKEN_INITIALIZED))
			continue;
		name_token(present, &info);
		if (!slot_matches(module, uri, slots[i], &info))
			continue;
		name_token(matching, &info);
		module->slot = slots[i];
		module->info = info;
		found++;
	}
	free(slots);
	p11_kit_uri_free(uri);
	if (rv != CKR_OK)
		return module_complain(module, complaint, "its slots can't be listed", rv);
	module->is_known = module->is_known || found == 1;
	if (found == 1)
		return ERR_OK;
	if (found > 1)
		return complain(complaint, ERR_CONFIG, "more than one token of %s matches %s: %s; make uri in [token] say which, "
		                "for example with ;serial=", module->path, text, matching);
	/* One that does not answer may be ours. */
	return complain(complaint, count && !is_silent ? ERR_NOT_FOUND : ERR_CLOSED, "no token of %s matches %s; %s%s", module->path, text,
	                *present ? "set uri in [token]; there is " : "it has no initialised token: initialise one, or check the module's own configuration",
	                present);
}

CK_RV module_recognize(const struct module *module, CK_TOKEN_INFO *now)
{
	CK_RV rv = module->p11->C_GetTokenInfo(module->slot, now);
	if (rv == CKR_OK && memcmp(now->serialNumber, module->info.serialNumber, sizeof now->serialNumber) != 0)
		rv = CKR_TOKEN_NOT_RECOGNIZED;
	return rv;
}

enum err module_load(const struct token_config *config, struct module *out, struct complaint *complaint)
{
	*out = (struct module){ .path = config->module, .uri = config->uri };
	return load(out, complaint);
}

enum err module_restart(struct module *module, struct complaint *complaint)
{
	end(module);
	return start(module, complaint);
}

enum err module_open(const struct token_config *config, struct module *out, struct complaint *complaint)
{
	enum err err = module_load(config, out, complaint);
	if (err == ERR_OK)
		err = module_restart(out, complaint);
	if (err == ERR_OK)
		err = module_choose(out, complaint);
	if (err != ERR_OK)
		module_close(out);
	return err;
}

void module_close(struct module *module)
{
	if (!module->p11)
		return;
	end(module);
	p11_kit_module_release(module->p11);
	module->p11 = NULL;
}

enum err module_complain(const struct module *module, struct complaint *complaint, const char *what, CK_RV rv)
{
	return complain(complaint, rv == CKR_HOST_MEMORY ? ERR_NO_MEMORY : ERR_IO, "token \"%.*s\" of %s: %s: %s (0x%lx)",
	                width(module->info.label, sizeof module->info.label), (const char *)module->info.label,
	                module->path, what, p11_kit_strerror(rv), rv);
}

enum err module_session(const struct module *module, CK_SESSION_HANDLE *out, struct complaint *complaint)
{
	CK_RV rv = module->p11->C_OpenSession(module->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, out);
	return rv == CKR_OK ? ERR_OK : module_complain(module, complaint, "no session can be opened", rv);
}

/* A reason not to try the PIN at all, or NULL. */
static const char *hopeless(const CK_TOKEN_INFO *info, CK_USER_TYPE user)
{
	if (user == CKU_SO) {
		if (info->flags & CKF_SO_PIN_LOCKED)
			return "its SO PIN is locked";
		if (info->flags & CKF_SO_PIN_FINAL_TRY)
			return "one more wrong SO PIN would lock it: log in once with its own tool, then try again";
		return NULL;
	}
	if (!(info->flags & CKF_USER_PIN_INITIALIZED))
		return "it has no user PIN yet: set one with its own tool";
	if (info->flags & CKF_USER_PIN_LOCKED)
		return "its user PIN is locked: unlock it with its SO PIN";
	if (info->flags & CKF_USER_PIN_FINAL_TRY)
		return "one more wrong user PIN would lock it: log in once with its own tool, then try again";
	return NULL;
}

static enum err login_failed(const struct module *module, CK_USER_TYPE user, CK_RV rv, struct complaint *complaint)
{
	int label_width = width(module->info.label, sizeof module->info.label);
	const char *label = (const char *)module->info.label;
	const char *whose = user == CKU_SO ? "SO" : "user";
	switch (rv) {
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
		return complain(complaint, ERR_CONFIG, "token \"%.*s\": the %s PIN is wrong; it was tried once and won't be again, so that "
		                "the token does not lock%s", label_width, label, whose,
		                user == CKU_SO ? "" : ": correct the file that pin_file in [token] names");
	case CKR_PIN_LOCKED:
		return complain(complaint, ERR_CONFIG, "token \"%.*s\": its %s PIN is locked", label_width, label, whose);
	case CKR_PIN_EXPIRED:
		return complain(complaint, ERR_CONFIG, "token \"%.*s\": its %s PIN must be changed first, with its own tool",
		                label_width, label, whose);
	case CKR_USER_ANOTHER_ALREADY_LOGGED_IN:
	case CKR_SESSION_READ_ONLY_EXISTS:
		return complain(complaint, ERR_BUSY, "token \"%.*s\": this process uses it already, the %s can't log in",
		                label_width, label, whose);
	default:
		return module_complain(module, complaint, "login", rv);
	}
}

enum err module_login(const struct module *module, CK_SESSION_HANDLE session, CK_USER_TYPE user,
                      const struct secret *pin, struct complaint *complaint)
{
	CK_TOKEN_INFO info;
	CK_RV rv = module->p11->C_GetTokenInfo(module->slot, &info);
	if (rv != CKR_OK)
		return module_complain(module, complaint, "it does not answer", rv);
	const char *why = hopeless(&info, user);
	bool is_blank = user == CKU_USER && !(info.flags & CKF_USER_PIN_INITIALIZED);
	if (!why && !pin && !(info.flags & CKF_PROTECTED_AUTHENTICATION_PATH))
		why = user == CKU_SO ? "its SO PIN is needed" : "no PIN was given: set pin_file in [token]";
	if (why)
		return complain(complaint, is_blank ? ERR_NOT_FOUND : ERR_CONFIG, "token \"%.*s\": %s", width(info.label, sizeof info.label),
		                (const char *)info.label, why);
	rv = module->p11->C_Login(session, user, pin ? pin->data : NULL, pin ? pin->size : 0);
	if (rv == CKR_OK || (rv == CKR_USER_ALREADY_LOGGED_IN && user == CKU_USER))
		return ERR_OK;
	return rv == CKR_USER_ALREADY_LOGGED_IN
	       ? login_failed(module, user, CKR_USER_ANOTHER_ALREADY_LOGGED_IN, complaint)
	       : login_failed(module, user, rv, complaint);
}
