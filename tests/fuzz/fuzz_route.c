/*
 * fuzz_route.c - a routing rule is read whole or refused with a reason; what was judged good is read back as written.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/route.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct brain_route rule = { .is_enabled = true }, back = { 0 };
    struct route_subject subject = { .channel = strato_text("jobs"),
                                     .type = strato_text("job.add"),
                                     .sender = strato_text("local/a17"),
                                     .topic = strato_bytes(data, bytes < 200 ? bytes : 200) };
    struct strato_writer w = { 0 };
    char detail[256] = "";
    int rc = route_read(strato_bytes(data, bytes), &rule, detail, sizeof(detail));

    if (rc == 0)
        rc = route_check(&rule, detail, sizeof(detail));
    if (rc < 0) {
        MUST((rc == STRATO_ESCHEMA || rc == STRATO_ELIMIT) && detail[0]);
        return 0;
    }
    route_matches(&rule, &subject);
    strato_writer_map(&w, route_pairs());
    route_write(&rule, &w);
    MUST(route_read(strato_writer_view(&w), &back, detail, sizeof(detail)) == 0 && route_equal(&rule, &back));
    strato_writer_fini(&w);
    return 0;
}
