/*
 * talk.c - common conversations of simulated peers.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/sim/claims.h"
#include "tests/sim/world.h"

static const struct strato_envelope_out plain = { .type = "test.work" };

void world_hello(struct world *w, brain_peer peer, const char *agent, const char *cap)
{
    struct world_out o;
    struct world_frame *f;

    world_begin(&o, w, peer, "hello");
    if (agent)
        world_str(&o, "agent", agent);
    if (cap) {
        strato_header_key(&o.header, "caps");
        strato_writer_array(&o.w, 1);
        strato_writer_text(&o.w, cap);
    }
    world_body(&o);
    world_send(&o);
    f = world_expect(w, peer, STRATO_OP_welcome);
    w->peers[peer].ep = f->header.ep;
    assert_true(f->header.token.bytes <= sizeof(w->peers[peer].token));
    memcpy(w->peers[peer].token, f->header.token.data, f->header.token.bytes);
    w->peers[peer].token_bytes = f->header.token.bytes;
    world_free(f);
}

uint64_t world_open_channel(struct world *w, brain_peer peer, const char *channel, const char *dir)
{
    struct world_out o;
    struct world_frame *f;
    uint64_t limit;

    world_begin(&o, w, peer, "open");
    world_str(&o, "ch", channel);
    world_str(&o, "dir", dir);
    world_body(&o);
    world_send(&o);
    f = world_expect(w, peer, STRATO_OP_opened);
    limit = f->header.limit;
    world_free(f);
    return limit;
}

void world_need(struct world *w, brain_peer peer, const char *channel, uint64_t upto, uint64_t wait)
{
    struct world_out o;

    world_begin(&o, w, peer, "need");
    world_str(&o, "ch", channel);
    world_u64(&o, "upto", upto);
    world_u64(&o, "wait", wait);
    world_body(&o);
    world_send(&o);
}

void world_put(struct world *w, brain_peer peer, const char *channel, uint64_t i, uint64_t n,
               const struct strato_envelope_out *e)
{
    struct world_out o;

    world_begin(&o, w, peer, "put");
    world_str(&o, "ch", channel);
    world_u64(&o, "i", i);
    world_u64(&o, "n", n);
    world_u64(&o, "ep", w->peers[peer].ep);
    world_body(&o);
    for (uint64_t k = 0; k < n; k++)
        world_envelope(&o, e ? e : &plain);
    world_send(&o);
}

void world_l1_put(struct world *w, brain_peer peer, const char *channel, uint64_t wait,
                  const struct strato_envelope_out *e)
{
    struct world_out o;

    world_begin(&o, w, peer, "put");
    world_str(&o, "ch", channel);
    world_u64(&o, "rq", 1);
    if (wait)
        world_u64(&o, "wait", wait);
    world_body(&o);
    world_envelope(&o, e ? e : &plain);
    world_send(&o);
}

void world_want(struct world *w, brain_peer peer, const char *channel, uint64_t limit, uint64_t taken)
{
    struct world_out o;

    world_begin(&o, w, peer, "want");
    world_str(&o, "ch", channel);
    world_u64(&o, "limit", limit);
    world_u64(&o, "taken", taken);
    world_body(&o);
    world_send(&o);
}

void world_settle(struct world *w, brain_peer peer, const char *op, const char *channel, uint64_t tag)
{
    struct world_out o;

    world_begin(&o, w, peer, op);
    world_str(&o, "ch", channel);
    strato_header_key(&o.header, "tags");
    strato_writer_array(&o.w, 1);
    strato_writer_u64(&o.w, tag);
    world_body(&o);
    world_send(&o);
}

void world_get(struct world *w, brain_peer peer, const char *channel, uint64_t n, uint64_t wait)
{
    struct world_out o;

    world_begin(&o, w, peer, "get");
    world_str(&o, "ch", channel);
    world_u64(&o, "n", n);
    world_u64(&o, "wait", wait);
    world_body(&o);
    world_send(&o);
}

void world_sub(struct world *w, brain_peer peer, const char *channel, const char *glob, const char *policy,
               uint64_t from_seq)
{
    struct world_out o;

    world_begin(&o, w, peer, "sub");
    world_str(&o, "ch", channel);
    if (glob) {
        strato_header_key(&o.header, "match");
        strato_writer_array(&o.w, 1);
        strato_writer_text(&o.w, glob);
    }
    if (policy)
        world_str(&o, "policy", policy);
    if (from_seq)
        world_u64(&o, "from_seq", from_seq);
    world_body(&o);
    world_send(&o);
}

void world_call(struct world *w, brain_peer peer, const char *channel, uint64_t rq, uint64_t deadline_ms,
                bool idempotent)
{
    struct world_out o;

    world_begin(&o, w, peer, "call");
    world_str(&o, "ch", channel);
    world_u64(&o, "rq", rq);
    world_u64(&o, "deadline_ms", deadline_ms);
    if (idempotent)
        strato_header_bool(&o.header, "idempotent", true);
    world_body(&o);
    world_envelope(&o, &plain);
    world_send(&o);
}

void world_reply(struct world *w, brain_peer peer, const char *channel, uint64_t tag, bool more)
{
    static const struct strato_envelope_out answer = { .type = "test.answer" };
    struct world_out o;

    world_begin(&o, w, peer, "reply");
    world_str(&o, "ch", channel);
    strato_header_key(&o.header, "tags");
    strato_writer_array(&o.w, 1);
    strato_writer_u64(&o.w, tag);
    if (more)
        strato_header_bool(&o.header, "more", true);
    world_body(&o);
    world_envelope(&o, &answer);
    world_send(&o);
}

struct brain_channel_stats world_stats(struct world *w, const char *channel)
{
    struct brain_channel_stats stats = { 0 };
    size_t at = 0;

    while (brain_channel_stats_next(w->brain, &at, &stats)) {
        if (strcmp(stats.name, channel) == 0)
            return stats;
    }
    fail_msg("no channel %s", channel);
    return stats;
}
