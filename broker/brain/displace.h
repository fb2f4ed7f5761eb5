/*
 * displace.h - a critical message pushes the newest low one out of a full channel.
 *
 * Off unless the channel's `displace` is set. What is pushed out goes to the dead letters as `displaced`, or only into
 * the counts where the channel keeps no dead letters of drops. Leased messages, delayed ones and calls stay.
 * Rules: semantics.md 8; docs/decisions/0010.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_DISPLACE_H
#define STRATO_BRAIN_DISPLACE_H

#include "broker/brain/channel.h"

enum { DISPLACE_PRIORITY_MIN = 80 }; /* lane critical */

/**
 * See that there is room for one message of so many bytes.
 * @return true if there is; false: nothing was pushed out, because it would not have been enough. O(messages) in the low lanes.
 */
bool displace_for(struct channel *ch, uint64_t bytes);
#endif
