/*
 * handle_admin.c - admin.*: change channels and read numbers. Arguments and answer are one envelope each.
 *
 * The shapes of the answers stand in report.c and handle_dlq.c. Verb `admin`; stats, sessions and channel.list are `observe`.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/admin.h"
#include "broker/brain/state.h"

static int channel_add_or_fail(struct admin *a)
{
    struct strato_bytes name = a->frame->header->ch;
    struct brain_channel_config config = { 0 };
    struct channel *ch;
    int rc = 0;

    if (!channel_name_is_good(name) || name.data[0] == '@') {
        snprintf(a->detail, sizeof(a->detail),
                 "name the new channel in `ch`: 1..128 bytes of text without blanks, '*', '>' or '@'");
        return STRATO_ESCHEMA;
    }
    memcpy(config.name, name.data, name.bytes);
    channel_config_defaults(&config, BRAIN_WORK);
    if (a->arguments.bytes)
        rc = settings_read(a->arguments, true, &config, a->detail, sizeof(a->detail));
    if (rc == 0 && channel_config_check(&config, a->detail, sizeof(a->detail)) < 0)
        rc = STRATO_ESCHEMA;
    if (rc == 0)
        rc = keep_allows(a->brain, &config, a->detail, sizeof(a->detail));
    if (rc == 0)
        rc = channel_add(a->brain, &config, false, &ch);
    if (rc == STRATO_EEXISTS && settings_equal(&config, &channel_find(a->brain, strato_text(config.name))->config)) {
        rc = 0; /* it is there as wanted: a script may run twice */
    } else if (rc == STRATO_EEXISTS) {
        snprintf(a->detail, sizeof(a->detail),
                 "a channel of that name exists with other settings: admin.channel.set changes it");
        rc = STRATO_ECONFLICT;
    }
    return rc;
}

static int channel_set(struct admin *a)
{
    struct channel *ch = a->channel;
    struct brain_channel_config config = ch->config;
    int rc = a->arguments.bytes ? settings_read(a->arguments, false, &config, a->detail, sizeof(a->detail)) : 0;

    if (rc == 0 && channel_config_check(&config, a->detail, sizeof(a->detail)) < 0)
        rc = STRATO_ESCHEMA;
    if (rc == 0 && (config.pattern != ch->config.pattern || config.is_durable != ch->config.is_durable ||
                    config.is_sticky != ch->config.is_sticky)) {
        snprintf(a->detail, sizeof(a->detail), "pattern, durable and sticky are set when a channel is made");
        rc = STRATO_ECONFLICT;
    }
    if (rc == 0 && ch->credit.producers &&
        (config.full == BRAIN_FULL_DROP_OLDEST || config.full == BRAIN_FULL_DROP_NEWEST) != channel_is_dropping(ch)) {
        snprintf(a->detail, sizeof(a->detail),
                 "producers hold credit of the old policy: change `full` while nobody has it open");
        rc = STRATO_ECONFLICT;
    }
    if (rc < 0)
        return rc;
    ch->config = config;
    channel_settings_changed(ch);
    if (!config.has_tally)
        tallies_forget(ch);
    channel_set_capacity(ch, config.capacity, config.bytes_max);
    channel_touch(ch);
    if (channel_is_kept(ch))
        keep_channel(ch);
    return 0;
}

static int channel_rm(struct admin *a)
{
    if (a->channel->is_builtin) {
        snprintf(a->detail, sizeof(a->detail), "a built-in channel stays: purge or pause it instead");
        return STRATO_ECONFLICT;
    }
    channel_remove(a->channel);
    a->channel = NULL;
    return 0;
}

static int purge(struct admin *a)
{
    uint64_t count = channel_purge(a->channel, CHANNEL_DROP_PURGED);

    strato_writer_map(&a->answer, 1);
    strato_writer_text(&a->answer, "purged");
    strato_writer_u64(&a->answer, count);
    return 0;
}

static int pause_channel(struct admin *a)
{
    a->channel->is_paused = true;
    return 0;
}

static int resume_channel(struct admin *a)
{
    a->channel->is_paused = false;
    channel_touch(a->channel);
    return 0;
}

static int stats(struct admin *a)
{
    int rc = tallies_report(a->brain, a->frame->header->ch, a->arguments, &a->answer, a->detail, sizeof(a->detail));

    if (rc == 0 && a->answer.bytes == 0)
        report_stats(a->brain, a->frame->header->ch, &a->answer);
    return rc;
}

static int sessions(struct admin *a)
{
    report_sessions(a->brain, &a->answer);
    return 0;
}

static int add_route(struct admin *a)
{
    return route_add_or_fail(a->brain, a->arguments, &a->answer, a->detail, sizeof(a->detail));
}

static int set_route(struct admin *a)
{
    return route_set(a->brain, a->arguments, a->detail, sizeof(a->detail));
}

static int rm_route(struct admin *a)
{
    return route_rm(a->brain, a->arguments, a->detail, sizeof(a->detail));
}

static int list_routes(struct admin *a)
{
    route_list(a->brain, &a->answer);
    return 0;
}

static int channel_list(struct admin *a)
{
    report_channels(a->brain, &a->answer);
    return 0;
}

static const struct admin_operation {
    int (*run)(struct admin *a);
    const char *verb;
    bool needs_channel;
} admin_operations[STRATO_ADMIN_COUNT];

/* The arguments: payload of the one envelope, if there is one. */
static int read_arguments(const struct frame *frame, struct strato_bytes *ret_arguments)
{
    struct strato_cursor c = strato_cursor_over(frame->body.body);
    struct strato_envelope e;
    struct strato_bytes skipped;
    int rc;

    *ret_arguments = STRATO_BYTES_NONE;
    if (c.at == c.end)
        return 0;
    rc = strato_envelope_decode(&c, &e, &skipped);
    if (rc < 0)
        return rc;
    if (e.payload.bytes && e.payload.data[0] != 0xc0)
        *ret_arguments = e.payload;
    return c.at == c.end ? 0 : STRATO_EFRAME;
}

void handle_admin(struct brain *brain, const struct frame *frame)
{
    const struct strato_header *h = frame->header;
    const struct admin_operation *op = &admin_operations[h->admin];
    struct admin a = { .brain = brain, .frame = frame };
    struct answer answer;
    size_t rows = brain->keep.batch.bytes;
    int rc;

    if (!op->run) {
        answer_err(frame->peer, h, STRATO_EPROTO, "no such admin operation here");
        return;
    }
    rc = read_arguments(frame, &a.arguments);
    if (rc < 0) {
        answer_err(frame->peer, h, rc, NULL);
        return;
    }
    if (op->needs_channel) { /* an administrator sees forgotten mailboxes as well */
        a.channel = channel_find(brain, h->ch);
        if (!a.channel || !a.channel->is_forgotten)
            a.channel = frame_channel(frame);
    }
    if ((op->needs_channel && !a.channel) || !frame_permits(frame, op->verb, a.channel))
        return;
    if (strcmp(op->verb, "admin") == 0)
        principal_audit_act(brain, frame->peer->principal, strato_admin_name(h->admin), h->ch);
    rc = op->run(&a);
    if (rc == 0 && strato_writer_error(&a.answer) < 0)
        rc = STRATO_ENOMEM;
    if (rc < 0) {
        answer_err(frame->peer, h, rc == STRATO_ENOMEM ? STRATO_ENO_RESOURCES : rc, a.detail[0] ? a.detail : NULL);
    } else {
        if (a.answer.bytes == 0)
            strato_writer_map(&a.answer, 0);
        answer_begin(&answer, brain, frame->peer, "ok", h);
        if (h->ch.bytes)
            strato_header_str(&answer.header, "ch", h->ch);
        if (brain->keep.batch.bytes != rows)
            answer_after_commit(&answer);
        answer_send_with(&answer, strato_admin_name(h->admin), strato_writer_view(&a.answer), a.blobs, a.blobs_count);
        a.blobs = NULL;
    }
    for (size_t i = 0; a.blobs && i < a.blobs_count; i++)
        strato_blob_drop(a.blobs[i]);
    free(a.blobs);
    strato_writer_fini(&a.answer);
}

static const struct admin_operation admin_operations[STRATO_ADMIN_COUNT] = {
    [STRATO_ADMIN_channel_add] = { channel_add_or_fail, "admin", false },
    [STRATO_ADMIN_channel_set] = { channel_set, "admin", true },
    [STRATO_ADMIN_channel_rm] = { channel_rm, "admin", true },
    [STRATO_ADMIN_channel_list] = { channel_list, "observe", false },
    [STRATO_ADMIN_purge] = { purge, "admin", true },
    [STRATO_ADMIN_pause] = { pause_channel, "admin", true },
    [STRATO_ADMIN_resume] = { resume_channel, "admin", true },
    [STRATO_ADMIN_dlq_list] = { dlq_list, "observe", true },
    [STRATO_ADMIN_dlq_get] = { dlq_get, "observe", true },
    [STRATO_ADMIN_dlq_redrive] = { dlq_redrive, "admin", true },
    [STRATO_ADMIN_dlq_purge] = { dlq_purge, "admin", true },
    [STRATO_ADMIN_stats] = { stats, "observe", false },
    [STRATO_ADMIN_route_add] = { add_route, "admin", false },
    [STRATO_ADMIN_route_set] = { set_route, "admin", false },
    [STRATO_ADMIN_route_rm] = { rm_route, "admin", false },
    [STRATO_ADMIN_route_list] = { list_routes, "observe", false },
    [STRATO_ADMIN_sessions] = { sessions, "observe", false },
};
