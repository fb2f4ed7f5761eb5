/*
 * fuzz_envelope.c - a decoded envelope stays the same when its stamps are stripped, and carries none then.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/envelope.h"
#include "tests/fuzz/fuzz.h"

static void strip_and_compare(const struct strato_envelope *e)
{
    struct strato_writer pairs = { 0 }, whole = { 0 };
    struct strato_bytes skipped;
    struct strato_envelope again;
    struct strato_cursor c;
    uint32_t kept = strato_envelope_strip(e, &pairs);

    MUST(kept == e->pairs - e->stamped_pairs);
    strato_writer_map(&whole, kept);
    strato_writer_raw(&whole, strato_writer_view(&pairs));
    MUST(strato_writer_error(&whole) == 0);
    c = strato_cursor_over(strato_writer_view(&whole));
    MUST(strato_envelope_decode(&c, &again, &skipped) == 0);
    MUST(c.at == c.end && again.stamped_pairs == 0 && (again.has & STRATO_ENV_STAMPED) == 0);
    MUST(strato_bytes_equal(e->type, again.type) && strato_bytes_equal(e->payload, again.payload));
    MUST(e->priority == again.priority && e->attach == again.attach && e->needs_count == again.needs_count);
    strato_writer_fini(&pairs);
    strato_writer_fini(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct strato_cursor c = strato_cursor_over(strato_bytes(data, bytes));
    struct strato_bytes skipped = STRATO_BYTES_NONE;
    struct strato_envelope e;
    int rc = strato_envelope_decode(&c, &e, &skipped);

    if (rc == 0) {
        MUST(c.at > data && c.at <= c.end && e.type.bytes > 0 && e.priority <= 100);
        MUST(e.attach <= STRATO_ATTACHMENTS_EACH_MAX && e.needs_count <= STRATO_NEEDS_MAX);
        strip_and_compare(&e);
        return 0;
    }
    MUST(c.at == data);
    MUST(rc == STRATO_ECODEC || rc == STRATO_ESCHEMA || rc == STRATO_ELIMIT);
    if (rc != STRATO_ECODEC)
        MUST(skipped.data == data && skipped.bytes > 0 && skipped.bytes <= bytes);
    return 0;
}
