/*
 * port_owner.h - which process listens on this TCP port?
 *
 * For "address in use": /proc knows the socket's inode by port and, where we may look, the process that
 * has it open. A best effort for people; nothing depends on the answer.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_PORT_OWNER_H
#define STRATO_CORE_PORT_OWNER_H

#include <stddef.h>

/** Write "pid 123 (nats-server)". @return 0, or STRATO_ENOENT if it could not be found out (text is then ""). */
int strato_port_owner(unsigned port, char *text, size_t bytes);
#endif
