/*
 * limits.h - what the machine grants: file descriptors and memory.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_NET_LIMITS_H
#define STRATO_NET_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NET_MEMORY_DEFAULT_MIB = 512, NET_DESCRIPTORS_SPARE = 64 };

/** Raise the soft limit to the hard one. @return 0; STRATO_ECONFIG with cause and fix if even that is below `wanted`. */
int net_descriptors_raise(uint64_t wanted, char *detail, size_t detail_bytes);
/** Connections with this descriptor or a higher one are turned away, so that the process never runs out. UINT64_MAX = no limit. */
uint64_t net_descriptors_near(void);
/** 60 % of the cgroup's memory limit, 512 MiB without one. */
uint64_t net_memory_budget(void);
/** Has not a byte come over this TCP connection? Of others nothing is known: no. */
bool net_connection_is_mute(int fd);
#endif
