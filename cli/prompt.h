/* Questions to a person at the terminal. */
#pragma once
#include "base/secret.h"

/* A secret, typed unseen. ERR_CONFIG if there is no terminal, or for a length outside [size_min, size_max] bytes. */
enum err prompt_secret(const char *question, size_t size_min, size_t size_max, struct secret **out,
                       struct complaint *complaint);
/* ERR_OK if the answer is "yes". ERR_CONFIG if there is no terminal, ERR_REFUSED for any other answer. */
enum err prompt_yes(const char *question, struct complaint *complaint);
