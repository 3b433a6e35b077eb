#include "tests/fault/token/faults.h"
#include "tests/fault/control.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	enum kind kind;
} functions[] = {
#define FUNCTION(name, kind, parameters, arguments) { #name, kind },
#include "tests/fault/token/functions.h"
#undef FUNCTION
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct control control;
static struct faults current;
static unsigned long errors_left;

enum kind function_kind(enum function function)
{
	return functions[function].kind;
}

static void add_function(struct fault *fault, const char *name)
{
	for (int i = 0; i < FUNCTIONS; i++)
		if (strcmp(functions[i].name, name) == 0) {
			fault->functions[i] = fault->is_narrowed = true;
			return;
		}
	fprintf(stderr, "fault: control file: %s is no function of PKCS#11\n", name);
	_exit(86);
}

static void add_functions(struct fault *fault, const char *value)
{
	char names[CONTROL_TEXT_MAX], *rest = NULL;
	snprintf(names, sizeof names, "%s", value);
	for (char *name = strtok_r(names, " ,", &rest); name; name = strtok_r(NULL, " ,", &rest))
		add_function(fault, name);
}

/* hang_function, crash_when … : what comes after the underscore narrows the fault before it. */
static int take_narrowing(struct faults *faults, const char *name, const char *value)
{
	const struct {
		const char *name;
		struct fault *fault;
	} all[] = { { "latency_", &faults->latency }, { "hang_", &faults->hang }, { "error_", &faults->error }, { "crash_", &faults->crash } };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		size_t size = strlen(all[i].name);
		if (strncmp(name, all[i].name, size) != 0)
			continue;
		if (strcmp(name + size, "function") == 0)
			add_functions(all[i].fault, value);
		else if (strcmp(name + size, "when") == 0 && (strcmp(value, "after") == 0 || strcmp(value, "before") == 0))
			all[i].fault->is_after = value[0] == 'a';
		else
			return 0;
		return 1;
	}
	return 0;
}

static int take(void *to, const char *section, const char *name, const char *value)
{
	struct faults *faults = to;
	if (*section)
		return 0;
	if (strcmp(name, "latency_us") == 0)
		faults->latency_us = control_number(name, value);
	else if (strcmp(name, "at_once") == 0)
		faults->at_once = control_number(name, value);
	else if (strcmp(name, "hang") == 0)
		faults->hang.is_on = control_yes(name, value);
	else if (strcmp(name, "error") == 0)
		faults->error_rv = control_number(name, value);
	else if (strcmp(name, "error_count") == 0)
		faults->error_count = control_number(name, value);
	else if (strcmp(name, "crash") == 0)
		faults->crash.is_on = control_yes(name, value);
	else if (strcmp(name, "removed") == 0)
		faults->is_removed = control_yes(name, value);
	else if (strcmp(name, "lose_sessions") == 0)
		faults->lose_sessions = control_number(name, value);
	else
		return take_narrowing(faults, name, value);
	return 1;
}

static void look_locked(void)
{
	if (!control_changed(&control))
		return;
	current = (struct faults){ 0 };
	control_read(&control, take, &current);
	current.error.is_on = current.error_rv != CKR_OK;
	current.hang.is_on |= current.hang.is_narrowed;
	errors_left = current.error_count;
}

void faults_init(const char *control_path)
{
	pthread_mutex_lock(&lock);
	control.path = control_path;
	pthread_mutex_unlock(&lock);
}

void faults_now(struct faults *out)
{
	pthread_mutex_lock(&lock);
	look_locked();
	*out = current;
	pthread_mutex_unlock(&lock);
}

void faults_met(void)
{
	pthread_mutex_lock(&lock);
	control_met(&control);
	pthread_mutex_unlock(&lock);
}

bool fault_strikes(const struct fault *fault, enum function function, bool after)
{
	if (!fault->is_on || fault->is_after != after)
		return false;
	return fault->is_narrowed ? fault->functions[function] : function_kind(function) != LIBRARY;
}

bool faults_spend_error(void)
{
	pthread_mutex_lock(&lock);
	bool is_spent = current.error_count == 0 || errors_left > 0;
	if (errors_left)
		errors_left--;
	pthread_mutex_unlock(&lock);
	return is_spent;
}
