/*
 * sim.h - the deterministic device: no hardware, a clock of its own, the built-in kernels in C.
 *
 * A kernel takes 100 us + work-items / 1000 us, a transfer 1 ns per byte (1 GB/s); both pass on the virtual
 * clock only, so tests wait for nothing. Utilisation is min(100, 10 log2(work-items)) of the last launch in the
 * window. User programs are refused: there is no compiler. Rule: behaviour.md section 2.1.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_DEVICE_SIM_H
#define STRATO_WORKER_DEVICE_SIM_H

#include "worker/device/device.h"

/** @return 0 or STRATO_ENOMEM. */
int sim_open(struct device **ret_device);
void sim_describe(struct device_info *ret_info);
/** Nanoseconds on the virtual clock of a sim device. */
uint64_t sim_now_ns(const struct device *device);
/** Tests: make the next `count` operations fail with STRATO_EIO, as a lost device does. */
void sim_break(struct device *device, uint32_t count);
#endif
