/*
 * fuzz_cursor.c - skip, check and the token walk agree, and never leave the bytes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/cursor.h"
#include "tests/fuzz/fuzz.h"

/* Step over one value token by token: the slow, obvious way. */
static int walk(struct strato_cursor *c)
{
    uint64_t pending = 1;

    while (pending > 0) {
        struct strato_token t;
        int rc = strato_cursor_next(c, &t);

        if (rc < 0)
            return rc;
        MUST(c->at <= c->end);
        pending--;
        if (t.kind == STRATO_KIND_ARRAY)
            pending += t.items;
        else if (t.kind == STRATO_KIND_MAP)
            pending += (uint64_t)t.items * 2;
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct strato_cursor skipped = strato_cursor_over(strato_bytes(data, bytes)), checked = skipped, walked = skipped;
    int rc = strato_cursor_skip(&skipped);

    MUST(rc == 0 || (rc == STRATO_ECODEC && skipped.at == data));
    MUST(skipped.at <= skipped.end);
    if (rc == 0) {
        MUST(walk(&walked) == 0);
        MUST(walked.at == skipped.at);
    }
    if (strato_cursor_check(&checked) == 0)
        MUST(rc == 0 && checked.at == skipped.at);
    else
        MUST(checked.at == data);
    return 0;
}
