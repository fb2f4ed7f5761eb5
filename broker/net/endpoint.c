/*
 * endpoint.c - TCP hosts first, then the Unix socket, then inproc: the order in which people want to see them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/net/endpoint.h"

#include <stdio.h>
#include <sys/un.h>

static bool has_ipc(const struct broker_config *config)
{
    return config->run_dir && *config->run_dir;
}

size_t net_endpoint_count(const struct broker_config *config)
{
    return config->hosts.count + has_ipc(config) + config->has_inproc;
}

static void write_tcp(const char *host, unsigned port, char *text, size_t bytes)
{
    bool is_v6 = strchr(host, ':') != NULL;
    char number[8];

    snprintf(number, sizeof number, "%u", port);
    snprintf(text, bytes, "tcp://%s%.200s%s:%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port ? number : "*");
}

int net_endpoint_write(const struct broker_config *config, size_t i, const char *stem, unsigned port_offset, char *text,
                       size_t bytes)
{
    struct sockaddr_un unix_address;
    int length;

    if (i < config->hosts.count) {
        write_tcp(config->hosts.items[i], config->port ? config->port + port_offset : 0, text, bytes);
        return 0;
    }
    if (i == config->hosts.count && has_ipc(config)) {
        length = snprintf(text, bytes, "ipc://%s/strato.%s.sock", config->run_dir, stem);
        /* Longer paths are cut by the kernel's address structure. */
        return length < 0 || (size_t)length >= bytes ||
                       (size_t)length - strlen("ipc://") >= sizeof unix_address.sun_path
                   ? STRATO_ETOO_BIG
                   : 0;
    }
    snprintf(text, bytes, "inproc://strato.%s", stem);
    return 0;
}

enum net_transport net_endpoint_transport(const char *endpoint)
{
    if (strncmp(endpoint, "tcp:", 4) == 0)
        return NET_TCP;
    return strncmp(endpoint, "ipc:", 4) == 0 ? NET_IPC : NET_INPROC;
}
