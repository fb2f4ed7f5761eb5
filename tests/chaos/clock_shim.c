/*
 * clock_shim.c - CLOCK_REALTIME that a test can move: for LD_PRELOAD, since a container may not set the clock.
 *
 * The file named by STRATO_CLOCK_STEP holds a signed number of seconds that is added to the wall clock, read anew
 * at every call. clock_gettime(CLOCK_REALTIME), gettimeofday() and time() are moved; monotonic clocks and the
 * kernel's own timeouts are not, as with a real step of the clock.
 *
 * SPDX-License-Identifier: MIT
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static long long step_s(void)
{
    const char *path = getenv("STRATO_CLOCK_STEP");
    char text[32] = "";
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return 0;
    if (read(fd, text, sizeof text - 1) < 0)
        text[0] = 0;
    close(fd);
    return atoll(text);
}

/* The system call, not the next library's function: that is this one again for whoever asks for time(). */
static int real_clock(clockid_t clock, struct timespec *ts)
{
    return (int)syscall(SYS_clock_gettime, clock, ts);
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *ts)
{
    int rc = real_clock(clock, ts);

    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        ts->tv_sec += (time_t)step_s();
    return rc;
}

EXPORT int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec ts;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
        return -1;
    *tv = (struct timeval){ .tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000 };
    return 0;
}

EXPORT time_t time(time_t *ret)
{
    struct timespec ts = { 0 };

    clock_gettime(CLOCK_REALTIME, &ts);
    if (ret)
        *ret = ts.tv_sec;
    return ts.tv_sec;
}
