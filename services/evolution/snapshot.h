/*
 * snapshot.h - all of a population in one run of bytes, from which it goes on bit for bit.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef EVOLUTION_SNAPSHOT_H
#define EVOLUTION_SNAPSHOT_H

#include "core/writer.h"
#include "services/evolution/run.h"

/** Write a settled population. Errors are the writer's. */
void evolution_snapshot_write(const struct evolution_run *run, struct strato_writer *w);

/**
 * Make a population of a snapshot. The bytes are not trusted.
 *
 * @param detail  On error: cause and fix.
 * @return 0; STRATO_EINVAL (not a snapshot, or torn); STRATO_ENOENT (its problem is not offered here); STRATO_ENOMEM; STRATO_ELIMIT.
 */
int evolution_snapshot_read(struct strato_bytes bytes, struct evolution_run *ret_run, char *detail,
                            size_t detail_bytes);
#endif
