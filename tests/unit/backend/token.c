/* Opening a token: what can't be opened is told of in one actionable line. */
#include "tests/unit/backend/house.h"
#include <string.h>

static const char *const one[] = { "a" }, *const two[] = { "a", "b" };

static void says(const struct token_config *config, enum err err, const char *words)
{
	struct complaint complaint = { "" };
	struct token *token = NULL;
	CU_ASSERT(token_open(config, &token, &complaint) == err);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, words));
	if (!strstr(complaint.text, words))
		printf("\n\t%s", complaint.text);
	CU_ASSERT_PTR_NULL(token);
}

static void a_module_that_is_not_there_is_named(void)
{
	struct softhsm softhsm;
	softhsm_start(&softhsm, one, 1);
	struct token_config config = softhsm_config(&softhsm, 0);
	config.module = "/no/such/module.so";
	says(&config, ERR_CONFIG, "/no/such/module.so can't be loaded");
	config.module = "/etc/passwd";
	says(&config, ERR_CONFIG, "/etc/passwd can't be loaded");
	config.module = "";
	says(&config, ERR_CONFIG, "set module in [token]");
	config.module = NULL;
	says(&config, ERR_CONFIG, "set module in [token]");
	softhsm_stop(&softhsm);
}

static void a_uri_must_mean_one_token(void)
{
	struct softhsm softhsm;
	softhsm_start(&softhsm, two, 2);
	struct token_config config = softhsm_config(&softhsm, 0);
	config.uri = "pkcs11:token=nobody";
	says(&config, ERR_NOT_FOUND, "no token");
	says(&config, ERR_NOT_FOUND, "\"a\"");
	config.uri = "pkcs11:";
	says(&config, ERR_CONFIG, "more than one token");
	config.uri = NULL;
	says(&config, ERR_CONFIG, "more than one token");
	config.uri = "pkcs11:manufacturer=SoftHSM%20project";
	says(&config, ERR_CONFIG, "\"b\"");
	config.uri = "https://example.com";
	says(&config, ERR_CONFIG, "uri in [token]");
	config.uri = "pkcs11:token=%zz";
	says(&config, ERR_CONFIG, "uri in [token]");
	softhsm_stop(&softhsm);
}

static void a_pin_does_not_belong_in_a_uri_and_is_not_repeated(void)
{
	struct softhsm softhsm;
	struct complaint complaint = { "" };
	struct token *token = NULL;
	softhsm_start(&softhsm, one, 1);
	struct token_config config = softhsm_config(&softhsm, 0);
	config.uri = "pkcs11:token=a?pin-value=topsecret";
	CU_ASSERT(token_open(&config, &token, &complaint) == ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "pin_file"));
	CU_ASSERT_PTR_NULL(strstr(complaint.text, "topsecret"));
	softhsm_stop(&softhsm);
}

static void a_wrong_pin_is_tried_once(void)
{
	struct softhsm softhsm;
	softhsm_start(&softhsm, one, 1);
	struct token_config config = softhsm_config(&softhsm, 0);
	struct secret *wrong = secret_create("0000", 4);
	config.pin = wrong;
	says(&config, ERR_CONFIG, "the user PIN is wrong; it was tried once");
	config.pin = NULL;
	says(&config, ERR_CONFIG, "pin_file");
	secret_destroy(wrong);
	softhsm_stop(&softhsm);
}

static void an_empty_folder_of_tokens_is_explained(void)
{
	struct softhsm softhsm;
	softhsm_start(&softhsm, NULL, 0);
	struct token_config config = softhsm_config(&softhsm, 0);
	config.uri = "pkcs11:token=a";
	says(&config, ERR_NOT_FOUND, "no initialised token");
	softhsm_stop(&softhsm);
}

TESTS("backend: token",
      SAY(a_module_that_is_not_there_is_named),
      SAY(a_uri_must_mean_one_token),
      SAY(a_pin_does_not_belong_in_a_uri_and_is_not_repeated),
      SAY(a_wrong_pin_is_tried_once),
      SAY(an_empty_folder_of_tokens_is_explained))
