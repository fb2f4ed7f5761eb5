/*
 * port_owner.c - /proc/net/tcp for the inode, /proc/PID/fd for its owner.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/port_owner.h"

#include "core/errors.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TCP_LISTEN = 0x0A };

static unsigned long listening_inode(const char *table, unsigned port)
{
    FILE *file = fopen(table, "re");
    char line[512];
    unsigned long found = 0;

    while (file && !found && fgets(line, sizeof line, file)) {
        unsigned local, state;
        unsigned long inode;

        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %lu", &local, &state,
                   &inode) == 3 &&
            local == port && state == TCP_LISTEN)
            found = inode;
    }
    if (file)
        fclose(file);
    return found;
}

static int process_has(const char *pid, const char *wanted)
{
    char path[320], target[64];
    struct dirent *entry;
    int found = 0;
    DIR *fds;

    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    fds = opendir(path);
    while (fds && !found && (entry = readdir(fds)) != NULL) {
        ssize_t length;

        snprintf(path, sizeof path, "/proc/%.20s/fd/%.20s", pid, entry->d_name);
        length = readlink(path, target, sizeof target - 1);
        if (length > 0) {
            target[length] = '\0';
            found = strcmp(target, wanted) == 0;
        }
    }
    if (fds)
        closedir(fds);
    return found;
}

static void describe(const char *pid, char *text, size_t bytes)
{
    char path[64], name[64] = "";
    FILE *file;

    snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    file = fopen(path, "re");
    if (file && fgets(name, sizeof name, file))
        name[strcspn(name, "\n")] = '\0';
    if (file)
        fclose(file);
    snprintf(text, bytes, "pid %.20s (%s)", pid, name);
}

int strato_port_owner(unsigned port, char *text, size_t bytes)
{
    unsigned long inode = listening_inode("/proc/net/tcp", port);
    struct dirent *entry;
    char wanted[64];
    DIR *processes;
    int rc = STRATO_ENOENT;

    if (bytes)
        text[0] = '\0';
    if (!inode)
        inode = listening_inode("/proc/net/tcp6", port);
    if (!inode)
        return STRATO_ENOENT;
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    processes = opendir("/proc");
    while (processes && rc != 0 && (entry = readdir(processes)) != NULL)
        if (isdigit((unsigned char)entry->d_name[0]) && process_has(entry->d_name, wanted)) {
            describe(entry->d_name, text, bytes);
            rc = 0;
        }
    if (processes)
        closedir(processes);
    return rc;
}
