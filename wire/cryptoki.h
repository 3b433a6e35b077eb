/* PKCS#11 as p11-kit declares it (version 2.40), and the names its header lacks. */
#pragma once
#include <p11-kit/pkcs11.h>
#include <p11-kit/pkcs11x.h>
