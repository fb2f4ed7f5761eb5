/*
 * fuzz.h - one entry point per harness, the one that libFuzzer calls.
 *
 * A harness aborts when a promise of the decoder is broken; the sanitizers see the rest. Built with the
 * preset `fuzz` it links libFuzzer; else driver.c feeds it the committed seeds, their truncations and byte flips.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_TESTS_FUZZ_H
#define STRATO_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/** Unlike assert, also in release builds. */
#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)
#endif
