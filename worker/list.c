/* list.c - see list.h. SPDX-License-Identifier: MIT */
#include "worker/list.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "worker/device/opencl.h"
#include "worker/device/sim.h"

enum { EXIT_NO_DEVICE = 6 };

static json_t *describe(const struct device_info *d)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:I, s:i, s:b}", "device", (json_int_t)d->number, "class",
                     device_class_name(d->class_of), "name", d->name, "platform", d->platform, "driver", d->driver,
                     "memory_bytes", (json_int_t)d->memory_bytes, "allocation_bytes", (json_int_t)d->allocation_bytes,
                     "units", (int)d->units, "f64", (int)d->has_f64);
}

static int print_json(const struct device_info *infos, int count, const char *detail)
{
    json_t *devices = json_array();
    json_t *all;

    for (int i = 0; devices && i < count; i++)
        json_array_append_new(devices, describe(&infos[i]));
    all = json_pack("{s:o, s:s}", "devices", devices, "detail", detail);
    if (!all) {
        fprintf(stderr, "strato-worker: out of memory\n");
        return 1;
    }
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
    return count > 0 ? 0 : EXIT_NO_DEVICE;
}

int list_devices(bool is_json)
{
    struct device_info infos[OPENCL_DEVICES_MAX];
    char detail[DEVICE_DETAIL_BYTES] = "";
    int count = opencl_list(infos, OPENCL_DEVICES_MAX, detail);

    if (is_json)
        return print_json(infos, count, detail);
    for (int i = 0; i < count; i++)
        printf("%" PRIu32 "  %-4s  %s (%s, %s): %" PRIu32 " units, %.1f GiB%s\n", infos[i].number,
               device_class_name(infos[i].class_of), infos[i].name, infos[i].platform, infos[i].driver, infos[i].units,
               (double)infos[i].memory_bytes / (double)(1 << 30), infos[i].has_f64 ? "" : ", no double");
    if (count > 0)
        return 0;
    fprintf(stderr, "strato-worker: %s\nThe simulated device needs none: strato-worker --device sim\n", detail);
    return EXIT_NO_DEVICE;
}
