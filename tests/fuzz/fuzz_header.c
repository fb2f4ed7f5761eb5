/*
 * fuzz_header.c - a header is decoded whole or not at all, and its slices lie in the frame.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/header.h"
#include "tests/fuzz/fuzz.h"

static int within(struct strato_bytes slice, const uint8_t *data, size_t bytes)
{
    return slice.bytes == 0 || (slice.data >= data && slice.data + slice.bytes <= data + bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct strato_cursor c = strato_cursor_over(strato_bytes(data, bytes));
    struct strato_header h;
    int rc = strato_header_decode(&c, STRATO_HEADER_BYTES_MAX, &h);

    MUST(within(h.ch, data, bytes) && within(h.rq, data, bytes) && within(h.op, data, bytes));
    if (rc < 0) {
        MUST(c.at == data);
        MUST(rc == STRATO_ECODEC || rc == STRATO_ELIMIT || rc == STRATO_EPROTO || rc == STRATO_EVERSION);
        return 0;
    }
    MUST(c.at > data && c.at <= c.end && (size_t)(c.at - data) <= STRATO_HEADER_BYTES_MAX);
    MUST(h.opcode > STRATO_OP_NONE && h.opcode < STRATO_OP_COUNT && h.v == 1);
    MUST(strato_cursor_skip(&(struct strato_cursor){ data, c.at }) == 0);
    return 0;
}
