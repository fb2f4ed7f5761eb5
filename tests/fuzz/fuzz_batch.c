/*
 * fuzz_batch.c - a frame gives exactly n messages and uses all bytes and attachments, or an error.
 *
 * The first byte of the input is the number of attachment frames.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/batch.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct strato_batch_item item;
    struct strato_batch b;
    struct strato_header h;
    uint32_t items = 0, announced;
    uint64_t used = 0;
    int rc;

    if (bytes == 0)
        return 0;
    rc = strato_batch_open(&b, strato_bytes(data + 1, bytes - 1), data[0], &h);
    if (rc < 0)
        return 0;
    announced = b.left;
    MUST(announced <= STRATO_ENVELOPES_MAX);
    while ((rc = strato_batch_next(&b, &item)) == 1) {
        items++;
        MUST(item.attachments_at == used && item.bytes > 0);
        MUST(item.err == 0 || item.err == STRATO_ESCHEMA || item.err == STRATO_ELIMIT);
        used += item.envelope.attach;
        MUST(used <= data[0]);
    }
    MUST(rc == 0 || rc == STRATO_ECODEC || rc == STRATO_EFRAME);
    if (rc == 0)
        MUST(items == announced && used == data[0] && b.at.at == b.at.end);
    MUST(strato_batch_next(&b, &item) == rc);
    return 0;
}
