/* settings.c - see settings.h. SPDX-License-Identifier: MIT */
#include "worker/settings.h"

#define AT(field) STRATO_OPTION_AT(struct settings, field)
static const struct strato_option rows[] = {
    { .name = "broker", .letter = 'b', AT(broker), .kind = STRATO_OPTION_STRING, .value = "ENDPOINT",
      .initial = "tcp://127.0.0.1:7700", .doc = "Broker to serve: tcp://host:7700 or ipc://path. Tried until it answers." },
    { .name = "name", .letter = 'n', AT(name), .kind = STRATO_OPTION_STRING, .value = "NAME",
      .doc = "Name on the bus, at most 120 characters; default worker-HOST-PID. Of several devices each gets .NUMBER behind it." },
    { .name = "device", .letter = 'd', AT(devices), .kind = STRATO_OPTION_LIST, .value = "DEVICE", .initial = "opencl",
      .doc = "opencl = every OpenCL device; a number as --list prints it; sim = the simulated device. Each is a worker of its own." },
    { .name = "pool", .letter = 'p', AT(pool_bytes), .kind = STRATO_OPTION_SIZE, .value = "SIZE", .initial = "1GiB",
      .min = 65536, .max = (uint64_t)1 << 44,
      .doc = "Device memory that all sessions share; never over 90 % of what the device has." },
    { .name = "unsafe-kernels", AT(is_unsafe), .kind = STRATO_OPTION_FLAG,
      .doc = "Compile users' source on CPU devices too. Such kernels are native code inside this process: only where every "
             "sender is trusted." },
    { .name = "session-idle", AT(session_idle_ms), .kind = STRATO_OPTION_DURATION, .value = "TIME", .initial = "15m",
      .min = 1000, .max = 24ULL * 3600 * 1000, .doc = "A session that sends nothing for so long loses its buffers." },
    { .name = "heartbeat", AT(hb_ms), .kind = STRATO_OPTION_DURATION, .value = "TIME", .initial = "5s", .min = 1000,
      .max = 60000, .doc = "Interval of heartbeats; the broker may clamp it." },
    { .name = "list", .letter = 'l', AT(is_list), .kind = STRATO_OPTION_FLAG, .is = STRATO_OPTION_FLAG_ONLY,
      .doc = "List the devices and leave." },
    { .name = "json", AT(is_json), .kind = STRATO_OPTION_FLAG, .is = STRATO_OPTION_FLAG_ONLY, .doc = "With --list: print JSON." },
    { .name = "log-level", AT(log_level), .kind = STRATO_OPTION_ENUM, .value = "LEVEL", .initial = "info",
      .choices = "error|warn|info|debug", .doc = "Least important line to write." },
    { .name = "log-format", AT(log_format), .kind = STRATO_OPTION_ENUM, .value = "FORMAT", .initial = "logfmt",
      .choices = "logfmt|json", .doc = "Form of the lines on standard error." },
};

static const struct strato_program_example examples[] = {
    { "strato-worker --list", "which OpenCL devices are here" },
    { "strato-worker --broker tcp://broker:7700 --name gpu1", "serve every device of this host" },
    { "strato-worker --device sim", "serve without any hardware, deterministically" },
};

const struct strato_program worker_program = {
    .name = "strato-worker",
    .summary = "serve OpenCL devices on a Stratoswarm bus",
    .doc = "Takes gpu commands and fitness batches from the broker, runs them on its devices and answers. "
           "Numbers of --list are those of --device.",
    STRATO_PROGRAM_OPTIONS(rows),
    STRATO_PROGRAM_EXAMPLES(examples),
    .environment = "STRATO_WORKER_",
    .exits = "0\tok\n1\tfailed\n2\tusage\n3\tcannot connect\n4\tauthentication or permission\n6\tno such device\n",
};
