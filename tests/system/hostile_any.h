/* Anything at all, and with the same seed the same each time. */
#pragma once
#include "tests/system/hostile.h"

#define NOISE_SIZE 70000
extern uint8_t noise[NOISE_SIZE];
void noise_begin(uint64_t seed);
uint64_t chance(uint64_t below);
uint64_t any_number(void);

/* The body of a request, any but those that count as guesses at a PIN. */
const ProtobufCFieldDescriptor *any_body(void);
/* A request of that kind with anything in it, now and then the id of the object that is `known`. Good until give_all_back. */
Craton__Request *any_request(const ProtobufCFieldDescriptor *body, const struct stage *stage, const ProtobufCBinaryData *known);
void give_all_back(void);
