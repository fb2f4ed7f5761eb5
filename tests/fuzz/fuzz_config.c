/*
 * fuzz_config.c - a configuration file is taken, or refused with a reason; it never breaks the reader.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/config.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct strato_option_error error = { 0 };
    struct broker_config config;
    char path[64];
    int fd = memfd_create("config", MFD_CLOEXEC), rc;

    MUST(fd >= 0 && write(fd, data, bytes) == (ssize_t)bytes);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    MUST(broker_config_init(&config) == 0);
    rc = broker_config_read(&config, path, &error);
    MUST(rc == 0 || rc == STRATO_ECONFIG);
    if (rc == 0)
        rc = broker_config_check(&config, &error);
    if (rc < 0)
        MUST(error.text[0] && strnlen(error.text, sizeof error.text) < sizeof error.text);
    broker_config_fini(&config);
    close(fd);
    return 0;
}
