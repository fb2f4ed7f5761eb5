/*
 * limits.c - RLIMIT_NOFILE, and the cgroup's memory limit (version 2, else 1).
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/net/limits.h"

#include "core/errors.h"

#include <inttypes.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>

int net_descriptors_raise(uint64_t wanted, char *detail, size_t detail_bytes)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0; /* unknown is not too few */
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted)
        return 0;
    snprintf(detail, detail_bytes,
             "%" PRIu64 " file descriptors are allowed and %" PRIu64
             " needed; raise the limit (ulimit -n, LimitNOFILE=) or lower connections",
             (uint64_t)limit.rlim_cur, wanted);
    return STRATO_ECONFIG;
}

/* The kernel hands out the lowest number that is free, so a high one says how many are in use. */
uint64_t net_descriptors_near(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    return limit.rlim_cur > NET_DESCRIPTORS_SPARE ? limit.rlim_cur - NET_DESCRIPTORS_SPARE : 0;
}

bool net_connection_is_mute(int fd)
{
    struct tcp_info info;
    socklen_t bytes = sizeof info;

    /* Kernels before 4.2 do not say; there nobody is mute. */
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes) == 0 &&
           bytes >= offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received &&
           info.tcpi_bytes_received == 0;
}

static uint64_t read_limit(const char *path)
{
    FILE *file = fopen(path, "re");
    uint64_t limit = 0;

    if (file && fscanf(file, "%" SCNu64, &limit) != 1)
        limit = 0; /* "max" */
    if (file)
        fclose(file);
    return limit;
}

uint64_t net_memory_budget(void)
{
    uint64_t limit = read_limit("/sys/fs/cgroup/memory.max");

    if (limit == 0)
        limit = read_limit("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    /* Version 1 says "no limit" as a number near 2^63. */
    if (limit == 0 || limit > (uint64_t)1 << 50)
        return (uint64_t)NET_MEMORY_DEFAULT_MIB << 20;
    return limit / 10 * 6;
}
