/* What a program that is built with a sanitizer cannot be asked. */
#pragma once

/* AddressSanitizer's allocator takes no care of forks (seen with clang 14): a child of a process whose threads allocate may
 * wait for its locks for ever, whatever the code under test does. */
#if defined __SANITIZE_ADDRESS__
#define MAY_FORK_BESIDE_THREADS 0
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define MAY_FORK_BESIDE_THREADS 0
#endif
#endif
#ifndef MAY_FORK_BESIDE_THREADS
#define MAY_FORK_BESIDE_THREADS 1
#endif
