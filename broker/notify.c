/* notify.c - see notify.h. SPDX-License-Identifier: MIT */
#include "broker/notify.h"

#include "core/errors.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int notify_send(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t chars = name ? strlen(name) : 0;
    ssize_t sent;
    int fd;

    if (chars == 0)
        return 0;
    if ((name[0] != '/' && name[0] != '@') || chars >= sizeof to.sun_path)
        return STRATO_EINVAL;
    memcpy(to.sun_path, name, chars);
    if (name[0] == '@')
        to.sun_path[0] = '\0'; /* a name in the abstract space ends where the address does */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return STRATO_EIO;
    sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + chars));
    close(fd);
    return sent == (ssize_t)strlen(state) ? 0 : STRATO_EIO;
}

uint32_t notify_watchdog_ms(void)
{
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    unsigned long long every;
    char *end;

    if (!us || !*us || (pid && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    errno = 0;
    every = strtoull(us, &end, 10) / 2000;
    if (*end || errno || every == 0)
        return 0;
    return every < UINT32_MAX ? (uint32_t)every : UINT32_MAX;
}
