/*
 * welcome.h - what a welcome changes: identity, limits, and how producers and streams go on.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_WELCOME_H
#define STRATO_BINDINGS_C_WELCOME_H

#include "bindings/c/session.h"

void strato__welcome(struct strato__session *s, const struct strato_header *h);
#endif
