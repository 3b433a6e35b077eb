/* cratond as a process: one line and a status where it doesn't start, a good end where it did, and the domain's
 * ceremony between two nodes. argv: the program. */
#include "base/file.h"
#include "tests/unit/node/house.h"
#include "wire/call.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

static const char *program;
static struct node_house house;

struct child {
	pid_t pid;
	int in, out, err; /* our ends */
};

static void start(struct child *child, const char *const *arguments)
{
	extern char **environ;
	const char *argv[12] = { program };
	int in[2], out[2], err[2];
	posix_spawn_file_actions_t actions;
	for (size_t i = 0; arguments[i]; i++)
		argv[i + 1] = arguments[i];
	CU_ASSERT_FATAL(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	posix_spawn_file_actions_adddup2(&actions, err[1], 2);
	CU_ASSERT_EQUAL_FATAL(posix_spawn(&child->pid, program, &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	child->in = in[1];
	child->out = out[0];
	child->err = err[0];
}

/* All that comes until the other side closes it; the text is the caller's. */
static char *all_of(int fd)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	for (;;) {
		uint8_t bytes[4096];
		ssize_t size = read(fd, bytes, sizeof bytes);
		if (size <= 0)
			break;
		buf_add(&text, bytes, (size_t)size);
	}
	buf_add_u8(&text, 0);
	CU_ASSERT_FALSE_FATAL(text.failed);
	return (char *)text.data;
}

static int ended(struct child *child)
{
	int status = -1;
	CU_ASSERT_EQUAL(waitpid(child->pid, &status, 0), child->pid);
	close(child->out);
	close(child->err);
	if (child->in >= 0)
		close(child->in);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Never started, and nothing wrong with it. */
static void begin(void)
{
	if (!house.authority)
		house_prepare(&house);
	house_mend(&house);
	house_forget(&house);
}

#define ARGUMENTS(...) (const char *const[]){ __VA_ARGS__, NULL }

static void refuses(const char *const *arguments, int status, const char *because)
{
	struct child child;
	start(&child, arguments);
	char *said = all_of(child.err);
	CU_ASSERT_EQUAL(ended(&child), status);
	if (!strstr(said, because))
		printf("\n    \"%s\" does not say \"%s\"", said, because);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, because));
	CU_ASSERT_EQUAL(strncmp(said, "cratond: ", 9), 0);
	CU_ASSERT_TRUE(strchr(said, '\n') && strchr(said, '\n')[1] == '\0');
	free(said);
}

static void what_it_refuses_is_one_line_and_a_status(void)
{
	begin();
	char conf[160];
	snprintf(conf, sizeof conf, "%s", house_file(&house, "cratond.conf"));
	refuses(ARGUMENTS("-c", "/nowhere.conf"), EX_CONFIG, "/nowhere.conf");
	house_write(&house, "pin", "wrong-pin\n", 0600);
	refuses(ARGUMENTS("-c", conf), EX_CONFIG, "PIN");
	chmod(house_file(&house, "pin"), 0644);
	refuses(ARGUMENTS("-c", conf), EX_CONFIG, "chmod");
	house_write(&house, "pin", SOFTHSM_PIN "\n", 0600);
	refuses(ARGUMENTS("-c", conf, "domain", "create"), EX_CONFIG, "SO PIN");
	refuses(ARGUMENTS("-c", conf, "domain", "dance"), EX_USAGE, "create, enroll, admit and show");
	house_write(&house, "so-pin", SOFTHSM_SO_PIN "\n", 0600);
	refuses(ARGUMENTS("-c", conf, "domain", "create", "--so-pin-file", house_file(&house, "so-pin")), EX_TEMPFAIL, "in a domain already");
}

static void settings_are_judged_without_starting_anything(void)
{
	struct child child;
	begin();
	start(&child, ARGUMENTS("-c", house_file(&house, "cratond.conf"), "--check"));
	CU_ASSERT_EQUAL(ended(&child), EX_OK);
	CU_ASSERT_NOT_EQUAL(access(house_file(&house, "state"), F_OK), 0);
}

/* Until its log says so. */
static void wait_until_it_says(struct child *child, const char *words)
{
	char line[512];
	FILE *log = fdopen(dup(child->err), "r");
	bool is_said = false;
	while (!is_said && fgets(line, sizeof line, log))
		is_said = strstr(line, words) != NULL;
	fclose(log);
	CU_ASSERT_TRUE(is_said);
}

static void wait_until_ready(struct child *child)
{
	wait_until_it_says(child, "node: ready");
}

static void it_starts_says_so_and_ends_well_when_told(void)
{
	struct child child, second;
	struct address address = { .is_unix = true };
	struct channel *channel = NULL;
	Craton__HelloReply *hello = NULL;
	begin();
	start(&child, ARGUMENTS("-c", house_file(&house, "cratond.conf")));
	wait_until_ready(&child);
	snprintf(address.host, sizeof address.host, "%s", house_file(&house, "socket"));
	CU_ASSERT_EQUAL_FATAL(channel_connect(&address, NULL, NULL, deadline_in(5000), &channel), ERR_OK);
	CU_ASSERT_EQUAL(call_hello(channel, "test", deadline_in(5000), &hello), ERR_OK);
	if (hello)
		craton__hello_reply__free_unpacked(hello, NULL);
	refuses(ARGUMENTS("-c", house_file(&house, "cratond.conf")), EX_TEMPFAIL, "another process");
	refuses(ARGUMENTS("-c", house_file(&house, "cratond.conf"), "domain", "show"), EX_TEMPFAIL, "another process");
	kill(child.pid, SIGTERM);
	CU_ASSERT_EQUAL(ended(&child), EX_OK);
	CU_ASSERT_NOT_EQUAL(access(house_file(&house, "socket"), F_OK), 0);
	channel_close(channel);
	start(&second, ARGUMENTS("-c", house_file(&house, "cratond.conf")));
	wait_until_ready(&second);
	kill(second.pid, SIGINT);
	CU_ASSERT_EQUAL(ended(&second), EX_OK);
}

/* A token that hangs on command (tests/fault/token/faults.h). */
static void settings_with_a_hanging_token(void)
{
	char control[160];
	snprintf(control, sizeof control, "%s", house_file(&house, "shim.conf"));
	setenv("CRATON_SHIM_CONTROL", control, 1);
	setenv("SOFTHSM_MODULE", getenv("FAULT_TOKEN"), 1);
	house_write(&house, "shim.conf", "hang = yes\n", 0600);
	house_settings(&house, "[limits]\nstop = 0ms\n");
	unsetenv("SOFTHSM_MODULE");
}

static void wait_until_there_is(const char *name)
{
	deadline_ms deadline = deadline_in(60000);
	while (access(house_file(&house, name), F_OK) != 0 && !deadline_passed(deadline))
		sched_yield();
	CU_ASSERT_EQUAL(access(house_file(&house, name), F_OK), 0);
}

static void told_to_stop_before_its_token_has_ever_answered_it_ends_well(void)
{
	struct child child;
	begin();
	settings_with_a_hanging_token();
	start(&child, ARGUMENTS("-c", house_file(&house, "cratond.conf")));
	wait_until_there_is("state/node.lock"); /* signals are held by then */
	kill(child.pid, SIGTERM);
	CU_ASSERT_EQUAL(ended(&child), EX_OK);
	CU_ASSERT_NOT_EQUAL(access(house_file(&house, "state/node"), F_OK), 0); /* no member yet, and nothing begun */
}

static void a_hangup_makes_it_read_its_certificates_anew(void)
{
	struct child child;
	struct identity who = { IDENTITY_NODE, "a" }, other = { IDENTITY_NODE, "b" };
	begin();
	start(&child, ARGUMENTS("-c", house_file(&house, "cratond.conf")));
	wait_until_ready(&child);
	test_authority_issue_identity(house.authority, "a", &other);
	kill(child.pid, SIGHUP);
	wait_until_it_says(&child, "certificates not read anew");
	test_authority_issue_identity(house.authority, "a", &who);
	kill(child.pid, SIGHUP);
	wait_until_it_says(&child, "certificates read anew");
	kill(child.pid, SIGTERM);
	CU_ASSERT_EQUAL(ended(&child), EX_OK);
}

/* What is said on one side is handed to the other, as two operators would. */
static void hand(int from, int to)
{
	uint8_t bytes[4096];
	bool is_whole = false;
	struct buf text;
	buf_init(&text, 1 << 20);
	while (!is_whole) {
		ssize_t size = read(from, bytes, sizeof bytes);
		if (size <= 0)
			break;
		buf_add(&text, bytes, (size_t)size);
		is_whole = memmem(text.data, text.size, "-----END ", 9) && text.data[text.size - 1] == '\n';
	}
	CU_ASSERT_TRUE(is_whole);
	CU_ASSERT_EQUAL(write(to, text.data, text.size), (ssize_t)text.size);
	buf_finish(&text);
}

static void settings_of_b(void)
{
	struct identity b = { IDENTITY_NODE, "b" };
	char text[2048];
	test_authority_issue_identity(house.authority, "b", &b);
	snprintf(text, sizeof text,
	         "[node]\nid = 2\nname = b\nstate = state-b\n[raft]\nlisten = 127.0.0.1:47404\nsecret_file = secret\n"
	         "[tls]\nauthority = %s\ncertificate = %s\nkey = %s\n"
	         "[token]\nmodule = %s\nuri = pkcs11:token=b\npin_file = pin\n[listen]\nunix = socket-b\n",
	         test_authority_file(house.authority, "authority", "crt"), test_authority_file(house.authority, "b", "crt"),
	         test_authority_file(house.authority, "b", "key"), softhsm_module());
	house_write(&house, "b.conf", text, 0600);
}

/* A token that is in no domain, until it is enrolled. */
static void begin_with_b(void)
{
	static bool is_there;
	begin();
	if (!is_there)
		softhsm_add("b");
	is_there = true;
	settings_of_b();
	house_write(&house, "so-pin", SOFTHSM_SO_PIN "\n", 0600);
}

static char *domain_of(const char *conf)
{
	struct child child;
	start(&child, ARGUMENTS("-c", conf, "domain", "show"));
	char *said = all_of(child.out);
	CU_ASSERT_EQUAL(ended(&child), EX_OK);
	said[strcspn(said, "\n")] = '\0';
	return said;
}

static void an_answer_to_another_request_is_refused(void)
{
	struct child b;
	static const char nonsense[] = "-----BEGIN CRATON ENROLMENT ANSWER-----\nCgA=\n-----END CRATON ENROLMENT ANSWER-----\n";
	begin_with_b();
	start(&b, ARGUMENTS("-c", house_file(&house, "b.conf"), "domain", "enroll", "--so-pin-file", house_file(&house, "so-pin")));
	CU_ASSERT_EQUAL(write(b.in, nonsense, sizeof nonsense - 1), (ssize_t)sizeof nonsense - 1);
	char *said = all_of(b.err);
	CU_ASSERT_EQUAL(ended(&b), EX_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "another request"));
	free(said);
	refuses(ARGUMENTS("-c", house_file(&house, "b.conf")), EX_CONFIG, "domain enroll"); /* nothing half done */
}

static void a_second_token_is_enrolled_by_word_of_the_first(void)
{
	struct child b, a;
	begin_with_b();
	refuses(ARGUMENTS("-c", house_file(&house, "b.conf")), EX_CONFIG, "domain enroll");
	start(&b, ARGUMENTS("-c", house_file(&house, "b.conf"), "domain", "enroll", "--so-pin-file", house_file(&house, "so-pin")));
	start(&a, ARGUMENTS("-c", house_file(&house, "cratond.conf"), "domain", "admit", "--so-pin-file", house_file(&house, "so-pin")));
	hand(b.out, a.in);
	hand(a.out, b.in);
	char *a_said = all_of(a.err), *b_said = all_of(b.err);
	CU_ASSERT_EQUAL(ended(&a), EX_OK);
	CU_ASSERT_EQUAL(ended(&b), EX_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(a_said, "node b asks"));
	CU_ASSERT_PTR_NOT_NULL(strstr(b_said, "admitted by node a"));
	/* both operators see the same fingerprint */
	const char *seen = strstr(a_said, "SHA-256 ");
	CU_ASSERT_PTR_NOT_NULL_FATAL(seen);
	char *line = strndup(seen, strcspn(seen, "\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(b_said, line));
	char *domain_a = domain_of(house_file(&house, "cratond.conf")), *domain_b = domain_of(house_file(&house, "b.conf"));
	CU_ASSERT_STRING_EQUAL(domain_a, domain_b);
	free(domain_a);
	free(domain_b);
	free(line);
	free(a_said);
	free(b_said);
}

static void the_end(void)
{
	house_clear(&house);
}

int main(int argc, char **argv)
{
	static const struct sentence sentences[] = {
		SAY(what_it_refuses_is_one_line_and_a_status),
		SAY(settings_are_judged_without_starting_anything),
		SAY(it_starts_says_so_and_ends_well_when_told),
		SAY(told_to_stop_before_its_token_has_ever_answered_it_ends_well),
		SAY(a_hangup_makes_it_read_its_certificates_anew),
		SAY(an_answer_to_another_request_is_refused),
		SAY(a_second_token_is_enrolled_by_word_of_the_first),
		SAY(the_end),
	};
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	program = argc > 1 ? argv[1] : "./cratond";
	return check_run("node program", sentences, sizeof sentences / sizeof *sentences);
}
