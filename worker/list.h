/*
 * list.h - strato-worker --list: the devices of this host, for people and for programs.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_LIST_H
#define STRATO_WORKER_LIST_H

#include <stdbool.h>

/** Print the devices. @return exit code: 0, or 6 if there is none (what is missing goes to standard error). */
int list_devices(bool is_json);
#endif
