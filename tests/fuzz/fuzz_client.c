/*
 * fuzz_client.c - a hostile broker against a client's session: it counts, reconnects, and only says valid frames itself.
 *
 * The input is a list of records: one byte of circumstances, one byte of length, the frame that the broker says.
 * Circumstances: bit 0 the application takes and settles what has come, 1 it sends, 2 seven seconds pass, 3 the
 * connection drops.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/fuzz.h"
#include "tests/lib/scripted_broker.h"

#include <string.h>

/* Everything that the client wants sent is read: script_next() fails if it is no frame. */
static void listen(struct scripted_broker *b)
{
    struct script_frame frame;

    while (script_next(b, &frame))
        script_land(b);
}

static void take(struct scripted_broker *b, struct strato__stream *t)
{
    struct strato_message *m;

    while (strato__stream_take(&b->session, t, &m) == 0) {
        strato__settle_ack(&b->session, m);
        strato__settle_forget(&b->session, m);
        strato__message_free(&b->session.pool, m);
    }
}

static void record(struct scripted_broker *b, struct strato__stream *t, struct strato__producer *p, uint8_t how,
                   struct strato_bytes frame)
{
    if (b->session.wants_socket)
        script_connect(b);
    script_say_bytes(b, frame);
    listen(b);
    if (how & 1)
        take(b, t);
    if ((how & 2) && b->session.state == STRATO__OPEN && p->state == STRATO__PRODUCER_READY)
        (void)script_send(b, p);
    if (how & 4)
        script_pass_ms(b, 7000);
    if (how & 8)
        script_drop(b);
    listen(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct scripted_broker b;
    struct strato__producer *p;
    struct strato__stream *t;

    script_open(&b);
    p = script_producer(&b, "gpu", 4);
    t = script_consumer(&b, 8);
    MUST(script_send(&b, p) == 0);
    while (bytes >= 2) {
        size_t length = data[1] < bytes - 2 ? data[1] : bytes - 2;

        record(&b, t, p, data[0], strato_bytes(data + 2, length));
        data += 2 + length;
        bytes -= 2 + length;
    }
    MUST(p->credit.accepted <= p->next_index);
    script_fini(&b);
    return 0;
}
