/*
 * philox.c - ten rounds of two 32x32->64 multiplications.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/oracle/philox.h"

enum {
    PHILOX_ROUNDS = 10,
};
static const uint32_t MULTIPLIER_0 = 0xD2511F53, MULTIPLIER_1 = 0xCD9E8D57;
static const uint32_t WEYL_0 = 0x9E3779B9, WEYL_1 = 0xBB67AE85;

void strato_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t ret[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];

    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t p0 = (uint64_t)MULTIPLIER_0 * c0;
        uint64_t p1 = (uint64_t)MULTIPLIER_1 * c2;

        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    ret[0] = c0;
    ret[1] = c1;
    ret[2] = c2;
    ret[3] = c3;
}

void strato_random_block(uint64_t seed, struct strato_counter at, uint32_t ret[4])
{
    const uint32_t counter[4] = { at.individual, at.block, at.generation, at.stream };
    const uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };

    strato_philox4x32(counter, key, ret);
}

uint32_t strato_random_gene(uint64_t seed, struct strato_counter at, uint32_t gene)
{
    uint32_t words[4];

    at.block = gene / 4;
    strato_random_block(seed, at, words);
    return words[gene % 4];
}

uint64_t strato_uniform_below(uint64_t bits, uint64_t n)
{
    __extension__ typedef unsigned __int128 wide;

    return (uint64_t)(((wide)bits * n) >> 64);
}
