/*
 * handle_build_program.c - compile a session's source, once per content.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "worker/tasks/command.h"
#include "worker/tasks/source.h"

/** May this source be compiled here? */
static int check(struct command *c, const char *source, size_t source_bytes, const char *options)
{
    const char *refused;
    char word[64];

    if (!c->tasks->options.is_source_allowed)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EPERM,
                            "this worker compiles no source: its kernels would run as native code inside it; "
                            "start it with --unsafe-kernels if every sender may be trusted");
    if (strlen(source) != source_bytes)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EINVAL, "the source holds a NUL character");
    refused = source_refused(source);
    if (refused)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EPERM, "%s is refused: a program is one text of OpenCL C",
                            refused);
    refused = options_refused(options, word, sizeof(word));
    if (refused)
        return command_fail(c, STRATO_GPU_ERROR_CODE_EPERM, "option `%s` is refused: want -D, -cl-std= or -cl-*",
                            refused);
    return 0;
}

static void name_program(const char *source, const char *options, char id[PROGRAM_ID_BYTES])
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(source, strlen(source), XXH3_64bits(options, strlen(options)));

    snprintf(id, PROGRAM_ID_BYTES, "prog:%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
}

static struct program *find(struct session *session, const char *id)
{
    for (uint32_t i = 0; i < session->programs_count; i++)
        if (strcmp(session->programs[i].id, id) == 0)
            return &session->programs[i];
    return NULL;
}

static int build(struct command *c, const char *source, const char *options, const char *id,
                 struct program **ret_program)
{
    struct device *device = c->tasks->device;
    struct program *p;
    char *log;
    int rc;

    if (c->session->programs_count == SESSION_PROGRAMS_MAX)
        return command_fail(c, STRATO_GPU_ERROR_CODE_ENOMEM, "the session holds %d programs, the most allowed",
                            SESSION_PROGRAMS_MAX);
    log = calloc(1, DEVICE_LOG_BYTES_MAX);
    if (!log)
        return command_fail(c, STRATO_GPU_ERROR_CODE_ENOMEM, "the node has no memory for the log");
    p = &c->session->programs[c->session->programs_count];
    memset(p, 0, sizeof(*p));
    rc = device->ops->program_build(device, source, options, &p->program, log, DEVICE_LOG_BYTES_MAX);
    log_strip_paths(log);
    if (rc == STRATO_EINVAL) {
        memcpy(c->failure->log, log, DEVICE_LOG_BYTES_MAX);
        rc = command_fail(c, STRATO_GPU_ERROR_CODE_EBUILD, "%s; `log` has the compiler's words", device_detail(device));
    } else if (rc < 0) {
        rc = command_fail_device(c, rc, "build");
    }
    if (rc < 0) {
        free(log);
        return rc;
    }
    snprintf(p->id, sizeof(p->id), "%s", id);
    p->log = log;
    c->session->programs_count++;
    *ret_program = p;
    return 0;
}

static int answer(struct command *c, const struct program *p)
{
    const struct device_ops *ops = c->tasks->device->ops;
    uint32_t count = ops->program_kernels(p->program);
    struct strato_gpu_kernel_info *kernels = calloc(count, sizeof(*kernels));
    struct strato_gpu_built built = STRATO_GPU_BUILT_DEFAULTS;
    enum { TEXT_BYTES = 256 + SIGNATURE_TEXT_BYTES };
    char *texts = calloc(count, TEXT_BYTES);

    if (kernels && texts) {
        for (uint32_t i = 0; i < count; i++) {
            const struct signature *s = ops->signature(ops->program_kernel(p->program, i));
            char *text = texts + (size_t)i * TEXT_BYTES;

            snprintf(text, 256, "%s#%s", p->id, s->name);
            signature_print(s, text + 256, SIGNATURE_TEXT_BYTES);
            kernels[i] = (struct strato_gpu_kernel_info){ strato_text(text), strato_text(text + 256) };
        }
        built.program = strato_text(p->id);
        built.kernels.items = kernels;
        built.kernels.count = count;
        built.log = strato_text(p->log);
        strato_gpu_built_encode(&built, c->reply);
        c->reply_type = STRATO_TYPE_GPU_BUILT;
    }
    free(kernels);
    free(texts);
    return c->reply_type ? 0 : command_fail(c, STRATO_GPU_ERROR_CODE_ENOMEM, "the node has no memory for the reply");
}

int handle_gpu_build_program(struct command *c)
{
    struct strato_gpu_build_program m;
    char *source = NULL, *options = NULL, id[PROGRAM_ID_BYTES];
    struct program *p;
    int rc = command_decode(c, &strato_gpu_build_program__record, &m);

    if (rc < 0)
        return rc;
    source = strndup((const char *)m.source.data, m.source.bytes);
    options = m.options.bytes > 0 ? strndup((const char *)m.options.data, m.options.bytes) : strdup("");
    if (!source || !options) {
        rc = command_fail(c, STRATO_GPU_ERROR_CODE_ENOMEM, "the node has no memory for the source");
        goto out;
    }
    rc = check(c, source, m.source.bytes, options);
    if (rc < 0)
        goto out;
    name_program(source, options, id);
    p = find(c->session, id);
    if (!p)
        rc = build(c, source, options, id, &p);
    if (rc == 0)
        rc = answer(c, p);
out:
    free(source);
    free(options);
    return rc;
}
