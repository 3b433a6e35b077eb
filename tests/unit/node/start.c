/* A node that can't be sound doesn't start, and says in one line what to do. */
#include "backend/domain.h"
#include "base/file.h"
#include "tests/support/free_port.h"
#include "tests/unit/node/fake_consensus.h"
#include "tests/unit/node/house.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct node_house house;

/* Never a member, and nothing wrong with it. */
static void begin(void)
{
	if (!house.authority)
		house_prepare(&house);
	house_mend(&house);
	house_forget(&house);
}

static void refuses(enum err expected, const char *because)
{
	struct complaint complaint = { "" };
	struct node *node = NULL;
	struct server *server = NULL;
	enum err err = node_open(&house.config, &node, &complaint);
	if (err == ERR_OK)
		err = server_open(&house.config, &server, &complaint);
	server_close(server);
	node_close(node);
	CU_ASSERT_EQUAL(err, expected);
	if (!strstr(complaint.text, because))
		printf("\n    \"%s\" does not say \"%s\"", complaint.text, because);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, because));
	CU_ASSERT_PTR_NULL(strchr(complaint.text, '\n'));
}

static void without_the_clusters_secret(void)
{
	begin();
	unlink(house_file(&house, "secret"));
	refuses(ERR_CONFIG, "secret");
}

static void with_a_short_one(void)
{
	begin();
	house_write(&house, "secret", "0011\n", 0600);
	refuses(ERR_CONFIG, "secret");
}

static void with_one_that_is_no_hex(void)
{
	begin();
	house_write(&house, "secret", "zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 0600);
	refuses(ERR_CONFIG, "64 hex digits");
}

static void with_one_that_all_can_read(void)
{
	begin();
	chmod(house_file(&house, "secret"), 0644);
	refuses(ERR_CONFIG, "chmod");
}

static void with_another_nodes_certificate(void)
{
	struct identity b = { IDENTITY_NODE, "b" };
	begin();
	test_authority_issue_identity(house.authority, "a", &b);
	refuses(ERR_CONFIG, "craton:node:b");
}

static void with_a_clients_certificate(void)
{
	struct identity client = { IDENTITY_CLIENT, "a" };
	begin();
	test_authority_issue_identity(house.authority, "a", &client);
	refuses(ERR_CONFIG, "craton:client:a");
}

static void with_a_wrong_pin(void)
{
	begin();
	house_write(&house, "pin", "not-the-pin\n", 0600);
	refuses(ERR_CONFIG, "PIN");
}

static void without_a_pin(void)
{
	begin();
	unlink(house_file(&house, "pin"));
	refuses(ERR_CONFIG, "pin");
}

static void with_a_module_that_is_not_there(void)
{
	begin();
	free(house.config.module);
	house.config.module = strdup("/nowhere/libnothing.so");
	refuses(ERR_CONFIG, "/nowhere/libnothing.so");
}

static void with_a_token_that_is_not_there(void)
{
	begin();
	free(house.config.uri);
	house.config.uri = strdup("pkcs11:token=nobody");
	refuses(ERR_NOT_FOUND, "pkcs11:token=nobody");
}

static void with_a_token_that_is_in_no_domain(void)
{
	begin();
	softhsm_add("x");
	free(house.config.uri);
	house.config.uri = strdup("pkcs11:token=x");
	refuses(ERR_NOT_FOUND, "domain enroll");
}

static void while_another_has_its_state_folder(void)
{
	struct complaint complaint = { "" };
	struct state_folder *folder;
	begin();
	CU_ASSERT_EQUAL_FATAL(state_folder_lock(house.config.state_folder, &folder, &complaint), ERR_OK);
	refuses(ERR_BUSY, "another process");
	state_folder_unlock(folder);
}

static void without_its_directory(void)
{
	begin();
	house_start(&house, false);
	house_stop(&house);
	unlink(house_file(&house, "state/directory.db"));
	refuses(ERR_DAMAGED, "directory");
}

static void with_a_shortened_directory(void)
{
	begin();
	house_start(&house, false);
	house_stop(&house);
	CU_ASSERT_EQUAL_FATAL(truncate(house_file(&house, "state/directory.db"), 4096), 0);
	refuses(ERR_DAMAGED, "directory");
}

static void where_somebody_else_listens(void)
{
	struct address address = { .host = "127.0.0.1" };
	struct complaint complaint = { "" };
	char more[64], port[16];
	int fd;
	begin();
	address.port = free_port();
	snprintf(port, sizeof port, "%u", address.port);
	snprintf(more, sizeof more, "tls = 127.0.0.1:%s\n", port);
	house_settings(&house, more);
	CU_ASSERT_EQUAL_FATAL(address_listen(&address, 0, &fd, &complaint), ERR_OK);
	refuses(ERR_CONFIG, port);
	close(fd);
}

/* A node that has been a member, with what it had. Such a one begins without a token that takes longer than this to be opened. */
static void was_a_member(void)
{
	static bool is_one;
	struct talk talk;
	house_mend(&house);
	house.config.answer_limit_ms = 600000;
	if (is_one)
		return;
	is_one = true;
	house_forget(&house);
	house_start(&house, false);
	talk_begin(&talk, &house, 0);
	talk_create_slot(&talk, "kept"); /* after the founding, or in the middle of it: */
	deadline_ms deadline = deadline_in(10000);
	while (directory_applied(house.node->directory) < 3 && !deadline_passed(deadline))
		sched_yield();
	house_stop(&house);
}

static void uses_token(const char *uri)
{
	free(house.config.uri);
	house.config.uri = strdup(uri);
}

static void is_there_but_does_not_serve(enum node_state state)
{
	Craton__Fault fault;
	Craton__Random body = CRATON__RANDOM__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	struct talk talk;
	house_start(&house, false);
	CU_ASSERT_EQUAL(node_state(house.node), state);
	CU_ASSERT_TRUE(node_has_leader(house.node));
	talk_begin(&talk, &house, 1);
	body.size = 16;
	request.body_case = CRATON__REQUEST__BODY_RANDOM;
	request.random = &body;
	talk_rv(&talk, &request, &fault);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NOT_SERVING);
	house_stop(&house);
}

static void with_a_token_of_another_domain_it_votes_and_serves_nobody(void)
{
	struct complaint complaint = { "" };
	was_a_member();
	softhsm_add("y");
	uses_token("pkcs11:token=y");
	struct token_config other = softhsm_config(&house.softhsm, 0);
	other.uri = house.config.uri;
	CU_ASSERT_EQUAL_FATAL(domain_create(&other, house.softhsm.so_pin, &complaint), ERR_OK);
	is_there_but_does_not_serve(NODE_NEEDS_ENROLMENT);
}

static void with_a_token_without_our_keys_it_votes_and_serves_nobody(void)
{
	was_a_member();
	softhsm_add("z");
	uses_token("pkcs11:token=z");
	is_there_but_does_not_serve(NODE_NEEDS_ENROLMENT);
}

static void with_its_token_wiped_it_votes_and_serves_nobody(void)
{
	was_a_member();
	uses_token("pkcs11:token=gone");
	is_there_but_does_not_serve(NODE_NEEDS_ENROLMENT);
}

static void but_not_with_a_wrong_pin(void)
{
	was_a_member();
	house_write(&house, "pin", "not-the-pin\n", 0600);
	refuses(ERR_CONFIG, "PIN");
}

static void what_is_sound_starts_again_with_what_it_had(void)
{
	struct slot_record *slots;
	struct talk talk;
	size_t count;
	was_a_member();
	house_start(&house, false);
	CU_ASSERT_EQUAL_FATAL(directory_slots(house.node->directory, &slots, &count), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(count, 1);
	talk_begin(&talk, &house, slots[0].slot);
	CU_ASSERT_EQUAL(talk_login(&talk, CRATON__ROLE__ROLE_USER, USER_PIN), CKR_OK);
	free(slots);
	house_stop(&house);
}

static sigset_t sigterm(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	return set;
}

static void be_told_while_nobody_confirms(void *context)
{
	(void)context;
	fake_majority(false);
	kill(getpid(), SIGTERM);
}

/* Its threads leave the signal to the main thread, which takes none while it begins. */
static void what_is_told_to_stop_while_it_catches_up_does(void)
{
	struct complaint complaint = { "" };
	struct node *node = NULL;
	sigset_t set = sigterm();
	int which;
	was_a_member();
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	CU_ASSERT_EQUAL_FATAL(node_open(&house.config, &node, &complaint), ERR_OK);
	fake_with_barrier(be_told_while_nobody_confirms, NULL);
	CU_ASSERT_EQUAL(node_start(node, &complaint), ERR_CLOSED);
	CU_ASSERT_EQUAL(node_state(node), NODE_STOPPING);
	fake_majority(true);
	CU_ASSERT_TRUE(node_close(node));
	sigwait(&set, &which);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* A token that hangs on command (tests/fault/token/faults.h). */
static void hangs(const char *control)
{
	static const char order[] = "hang = yes\n";
	free(house.config.module);
	house.config.module = strdup(getenv("FAULT_TOKEN"));
	house.config.answer_limit_ms = 100;
	house.config.stop_ms = 0;
	setenv("CRATON_SHIM_CONTROL", control, 1);
	CU_ASSERT_EQUAL_FATAL(file_write(control, order, sizeof order - 1, 0600), ERR_OK);
}

/* Its opener hears of it, too, and ends the process without what a module does at exit. */
static void what_cannot_be_opened_around_a_call_that_hangs_is_not_let_go(void)
{
	struct complaint complaint = { "" };
	struct node *node = NULL;
	bool is_closed = false;
	was_a_member();
	hangs(house_file(&house, "shim.conf"));
	unlink(house_file(&house, "state/directory.db"));
	CU_ASSERT_EQUAL(node_open(&house.config, &node, &complaint), ERR_DAMAGED);
	CU_ASSERT_PTR_NOT_NULL_FATAL(node);
	CU_ASSERT_FALSE_FATAL(node_close(node));
	unlink(house_file(&house, "shim.conf")); /* the call comes back */
	deadline_ms deadline = deadline_in(60000);
	while (!is_closed && !deadline_passed(deadline))
		is_closed = node_close(node);
	CU_ASSERT_TRUE(is_closed);
}

static void the_end(void)
{
	house_clear(&house);
}

TESTS("node start", SAY(without_the_clusters_secret), SAY(with_a_short_one), SAY(with_one_that_is_no_hex),
      SAY(with_one_that_all_can_read), SAY(with_another_nodes_certificate), SAY(with_a_clients_certificate),
      SAY(with_a_wrong_pin), SAY(without_a_pin), SAY(with_a_module_that_is_not_there),
      SAY(with_a_token_that_is_not_there), SAY(with_a_token_that_is_in_no_domain),
      SAY(while_another_has_its_state_folder), SAY(without_its_directory),
      SAY(with_a_shortened_directory), SAY(where_somebody_else_listens),
      SAY(with_a_token_of_another_domain_it_votes_and_serves_nobody), SAY(with_a_token_without_our_keys_it_votes_and_serves_nobody),
      SAY(with_its_token_wiped_it_votes_and_serves_nobody), SAY(but_not_with_a_wrong_pin),
      SAY(what_is_sound_starts_again_with_what_it_had), SAY(what_is_told_to_stop_while_it_catches_up_does),
      SAY(what_cannot_be_opened_around_a_call_that_hangs_is_not_let_go),
      SAY(the_end))
