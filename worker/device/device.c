/*
 * device.c - what all devices share.
 *
 * SPDX-License-Identifier: MIT
 */
#include "worker/device/device.h"

#include <stdarg.h>
#include <stdio.h>

const char *device_class_name(enum device_class class_of)
{
    static const char *const names[] = { "cpu", "gpu", "accelerator", "sim" };

    return names[class_of];
}

int device_fail(struct device *device, int err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(device->detail, sizeof(device->detail), format, args);
    va_end(args);
    return err;
}

void device_close(struct device **device)
{
    if (!*device)
        return;
    (*device)->ops->close(*device);
    *device = NULL;
}
