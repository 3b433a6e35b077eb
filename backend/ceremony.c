#include "backend/ceremony.h"
#include <stdlib.h>
#include <string.h>

static enum err copy_config(struct ceremony *ceremony, const struct token_config *config, const struct secret *so_pin)
{
	ceremony->path = strdup(config->module ? config->module : "");
	ceremony->uri = strdup(config->uri ? config->uri : "");
	ceremony->pin = config->pin ? secret_create(config->pin->data, config->pin->size) : NULL;
	ceremony->so_pin = so_pin ? secret_create(so_pin->data, so_pin->size) : NULL;
	bool complete = ceremony->path && ceremony->uri && (ceremony->pin || !config->pin) && (ceremony->so_pin || !so_pin);
	return complete ? ERR_OK : ERR_NO_MEMORY;
}

enum err ceremony_begin(const struct token_config *config, const struct secret *so_pin, struct ceremony *out,
                        struct complaint *complaint)
{
	*out = (struct ceremony){ 0 };
	enum err err = copy_config(out, config, so_pin);
	struct token_config own = { .module = out->path, .uri = out->uri };
	if (err != ERR_OK)
		complain(complaint, err, "no memory");
	else
		err = module_open(&own, &out->module, complaint);
	if (err == ERR_OK)
		err = module_session(&out->module, &out->session, complaint);
	if (err != ERR_OK)
		ceremony_end(out);
	return err;
}

static enum err become(struct ceremony *ceremony, CK_USER_TYPE user, const struct secret *pin, struct complaint *complaint)
{
	CK_RV rv = ceremony->module.p11->C_Logout(ceremony->session);
	if (rv != CKR_OK && rv != CKR_USER_NOT_LOGGED_IN)
		return module_complain(&ceremony->module, complaint, "logout", rv);
	return module_login(&ceremony->module, ceremony->session, user, pin, complaint);
}

enum err ceremony_be_so(struct ceremony *ceremony, struct complaint *complaint)
{
	return become(ceremony, CKU_SO, ceremony->so_pin, complaint);
}

enum err ceremony_be_user(struct ceremony *ceremony, struct complaint *complaint)
{
	return become(ceremony, CKU_USER, ceremony->pin, complaint);
}

void ceremony_end(struct ceremony *ceremony)
{
	if (ceremony->session) {
		ceremony->module.p11->C_Logout(ceremony->session);
		ceremony->module.p11->C_CloseSession(ceremony->session);
	}
	module_close(&ceremony->module);
	secret_destroy(ceremony->so_pin);
	secret_destroy(ceremony->pin);
	free(ceremony->path);
	free(ceremony->uri);
	*ceremony = (struct ceremony){ 0 };
}

enum err ceremony_expect_no_domain(struct ceremony *ceremony, struct complaint *complaint)
{
	struct domain_keys keys;
	struct complaint none;
	enum err err = domain_keys_find(&ceremony->module, ceremony->session, &keys, &none);
	if (err == ERR_NOT_FOUND)
		return ERR_OK;
	if (err != ERR_OK)
		return complain(complaint, err, "%s", none.text);
	return complain(complaint, ERR_BUSY, "the token is in a domain already; to take it into another one, remove its "
	                "objects labelled \"craton domain …\" first (the keys of the old domain are then out of its reach)");
}
