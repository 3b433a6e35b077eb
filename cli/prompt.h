/* A secret typed at the terminal, unseen. */
#pragma once
#include "base/secret.h"

/* ERR_CONFIG if there is no terminal, or for a length outside [size_min, size_max] bytes. */
enum err prompt_secret(const char *question, size_t size_min, size_t size_max, struct secret **out,
                       struct complaint *complaint);
