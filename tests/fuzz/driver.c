/*
 * driver.c - run a harness without libFuzzer: every seed file, cut at every byte, and with every byte changed.
 *
 * driver FOLDER: exit 0 if nothing aborted and there was at least one seed. Each input lies in a block of
 * its own size, so that AddressSanitizer sees one byte too far.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum { SEED_BYTES_MAX = 8192 };

static void feed(const uint8_t *data, size_t bytes)
{
    uint8_t *exact = malloc(bytes ? bytes : 1);

    MUST(exact);
    memcpy(exact, data, bytes);
    LLVMFuzzerTestOneInput(exact, bytes);
    free(exact);
}

static void feed_variants(uint8_t *data, size_t bytes)
{
    static const uint8_t values[] = { 0x00, 0x7F, 0x80, 0x91, 0xC1, 0xC7, 0xDB, 0xDD, 0xDF, 0xFF };

    for (size_t cut = 0; cut <= bytes; cut++)
        feed(data, cut);
    for (size_t i = 0; i < bytes; i++) {
        uint8_t kept = data[i];

        for (size_t v = 0; v < sizeof values; v++) {
            data[i] = values[v];
            feed(data, bytes);
        }
        data[i] = kept;
    }
}

int main(int argc, char **argv)
{
    static uint8_t seed[SEED_BYTES_MAX];
    char path[4096];
    struct dirent *entry;
    unsigned seeds = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;

    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER-OF-SEEDS\n", argv[0]);
        return 2;
    }
    while ((entry = readdir(folder)) != NULL) {
        FILE *file;

        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        file = fopen(path, "rb");
        MUST(file);
        feed_variants(seed, fread(seed, 1, sizeof seed, file));
        fclose(file);
        seeds++;
    }
    closedir(folder);
    printf("%u seeds\n", seeds);
    return seeds > 0 ? 0 : 1;
}
