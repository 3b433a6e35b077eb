#include "tests/unit/pkcs11/module.h"
#include <stdio.h>
#include <unistd.h>

struct module module;
const char *module_command = "5s";
static const char *const names[] = { "a", "b", "c" };

/* A forked child that starts a thread, as one of ours does, is too much for ThreadSanitizer's taste. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "die_after_fork=0";
}

bool expect_rv(CK_RV got, CK_RV want, const char *what, int line)
{
	if (got != want)
		printf("    line %d: %s gave 0x%lx, want 0x%lx\n", line, what, got, want);
	return got == want;
}

static const char *socket_path(size_t n)
{
	static char path[64];
	snprintf(path, sizeof path, "%s/%s.sock", module.folder, names[n]);
	return path;
}

void node_start_as(size_t n, const char *name)
{
	module.nodes[n] = fake_node_start(name, socket_path(n), toy_answer, &module.toy);
}

void node_start(size_t n)
{
	node_start_as(n, names[n]);
}

void node_stop(size_t n)
{
	fake_node_stop(module.nodes[n]);
	module.nodes[n] = NULL;
}

unsigned module_requests(void)
{
	unsigned sum = 0;
	for (size_t i = 0; i < NODES_MAX; i++)
		sum += module.nodes[i] ? fake_node_requests(module.nodes[i]) : 0;
	return sum;
}

/* Questions are counted, so none is asked of a second member because the machine was busy for a moment. */
static void write_settings(const char *recovery)
{
	char path[64];
	snprintf(path, sizeof path, "%s/craton.conf", module.folder);
	FILE *file = fopen(path, "w");
	for (size_t i = 0; i < module.count; i++)
		fprintf(file, "[member %s]\naddress = unix:%s\n", names[i], socket_path(i));
	fprintf(file, "[hedge]\nmode = off\n[timeouts]\ncommand = %s\n[recovery]\n%s\n", module_command, recovery);
	fclose(file);
	setenv("CRATON_CONF", path, 1);
}

void module_prepare(size_t count, const char *recovery)
{
	memset(&module, 0, sizeof module);
	strcpy(module.folder, "/tmp/craton-test-XXXXXX");
	if (!mkdtemp(module.folder))
		abort();
	toy_init(&module.toy);
	module.count = count;
	write_settings(recovery);
	for (size_t i = 0; i < count; i++)
		node_start(i);
}

void module_finish(void)
{
	char path[64];
	for (size_t i = 0; i < module.count; i++) {
		if (module.nodes[i])
			node_stop(i);
		unlink(socket_path(i));
	}
	snprintf(path, sizeof path, "%s/craton.conf", module.folder);
	unlink(path);
	rmdir(module.folder);
	toy_finish(&module.toy);
}

CK_SESSION_HANDLE open_session(CK_FLAGS flags)
{
	CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
	EXPECT(C_OpenSession(SLOT, flags, NULL, NULL, &session), CKR_OK);
	return session;
}

CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin)
{
	return C_Login(session, user, BYTES(pin), strlen(pin));
}

CK_SESSION_HANDLE module_start(void)
{
	module_prepare(1, "");
	EXPECT(C_Initialize(NULL), CKR_OK);
	CK_SESSION_HANDLE session = open_session(RW);
	EXPECT(login(session, CKU_USER, TOY_PIN), CKR_OK);
	return session;
}

void module_stop(void)
{
	EXPECT(C_Finalize(NULL), CKR_OK);
	module_finish();
}

static CK_BBOOL yes = CK_TRUE;

CK_OBJECT_HANDLE make_aes(CK_SESSION_HANDLE session, bool is_token, const char *label)
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ATTRIBUTE template_[] = { { CKA_LABEL, BYTES(label), strlen(label) }, { CKA_TOKEN, &yes, 1 } };
	EXPECT(C_GenerateKey(session, &mechanism, template_, is_token ? 2 : 1, &key), CKR_OK);
	return key;
}

CK_OBJECT_HANDLE make_data(CK_SESSION_HANDLE session, bool is_token, const char *label)
{
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE template_[] = { { CKA_CLASS, &class, sizeof class }, { CKA_LABEL, BYTES(label), strlen(label) },
		{ CKA_VALUE, BYTES("value"), 5 }, { CKA_TOKEN, &yes, 1 } };
	EXPECT(C_CreateObject(session, template_, is_token ? 4 : 3, &object), CKR_OK);
	return object;
}

void make_ec(CK_SESSION_HANDLE session, bool is_token, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
	static CK_BYTE p256[] = { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
	CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE template_[] = { { CKA_EC_PARAMS, p256, sizeof p256 }, { CKA_TOKEN, &yes, 1 } };
	EXPECT(C_GenerateKeyPair(session, &mechanism, template_, is_token ? 2 : 1, template_ + 1, is_token ? 1 : 0, public_key,
		private_key), CKR_OK);
}

void make_rsa(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
	CK_ULONG bits = 2048;
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE template_[] = { { CKA_MODULUS_BITS, &bits, sizeof bits } };
	EXPECT(C_GenerateKeyPair(session, &mechanism, template_, 1, NULL, 0, public_key, private_key), CKR_OK);
}
