/*
 * fuzz_journal.c - a batch of the journal is read entry by entry, each of which writes back as the bytes it came from.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/journal.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct strato_bytes left = strato_bytes(data, bytes);
    struct journal_entry entry;
    struct strato_writer w = { 0 };
    int rc;

    for (;;) {
        struct strato_bytes before = left;

        rc = journal_next(&left, &entry);
        if (rc != 1) {
            MUST(left.data == before.data && left.bytes == before.bytes);
            break;
        }
        MUST(left.data > before.data && left.data + left.bytes == data + bytes);
        MUST(entry.value.bytes == 0 ||
             (entry.value.data > before.data && entry.value.data + entry.value.bytes == left.data));
        strato_writer_reset(&w);
        MUST(journal_write(&w, &entry) == 0);
        MUST(strato_bytes_equal(strato_writer_view(&w), strato_bytes(before.data, before.bytes - left.bytes)));
    }
    MUST(rc == STRATO_ECODEC || (rc == 0 && left.bytes == 0));
    strato_writer_fini(&w);
    return 0;
}
