#include "base/log.h"
#include "cli/command.h"

int main(int argc, char **argv)
{
	log_to_stderr(LOG_WARN_LINE);
	return command_main(argc, argv);
}
