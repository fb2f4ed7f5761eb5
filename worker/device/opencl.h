/*
 * opencl.h - devices of any OpenCL driver, found through libOpenCL at run time.
 *
 * The loader library is opened by name when first needed, so the worker runs, and says what is missing, on a
 * machine without OpenCL. Facts behind the choices: gpu.md section 1.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_DEVICE_OPENCL_H
#define STRATO_WORKER_DEVICE_OPENCL_H

#include "worker/device/device.h"

enum { OPENCL_DEVICES_MAX = 64 };

/**
 * All devices of all platforms, numbered in the drivers' order.
 *
 * @param ret_detail  What is missing and how to get it, if the result is 0 or an error; >= DEVICE_DETAIL_BYTES.
 * @return how many (0: OpenCL is there, no device is); STRATO_ENOENT: no OpenCL loader; STRATO_EIO: it failed.
 */
int opencl_list(struct device_info *ret_infos, uint32_t max, char *ret_detail);

/**
 * Open a device and compile the built-in kernels.
 * @return 0; STRATO_ENOENT (no device of this number); STRATO_EIO (the driver failed); STRATO_ENOMEM.
 */
int opencl_open(uint32_t number, struct device **ret_device, char *ret_detail);
#endif
