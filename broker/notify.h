/*
 * notify.h - tell the supervisor (systemd, Type=notify) what the process is about.
 *
 * One datagram to the socket that NOTIFY_SOCKET names; without that variable nothing happens. The protocol is that of
 * sd_notify(3), which promises not to change; a library for it would bring liblzma and libgcrypt along.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BROKER_NOTIFY_H
#define STRATO_BROKER_NOTIFY_H

#include <stdint.h>

/**
 * Send `state` ("READY=1", lines separated by \n). @return 0, also without a supervisor; STRATO_EINVAL for a socket name that
 * is none; STRATO_EIO.
 */
int notify_send(const char *state);
/** How often to send WATCHDOG=1: half of what the supervisor allows this process, in ms; 0 = it does not ask. */
uint32_t notify_watchdog_ms(void);
#endif
