/*
 * receipts.c - see receipts.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/receipts.h"

#include "cli/show.h"

#include <inttypes.h>

static const char *const outcomes[RECEIPT_OUTCOMES] = { "settled", "expired", "dead", "dropped" };

static void print(const struct cli *cli, const struct strato_receipt *r)
{
    /* 16 bytes that are no text are a UUID; show_id() tells by the length of the encoded value. */
    struct strato_bytes bytes = strato_bytes(r->id, r->id_bytes);
    struct strato_id id = { .bytes = bytes, .raw = { r->id, r->id_bytes == 16 && !text_is_utf8(bytes) ? 18 : 17 } };
    char text[STRATO_ID_BYTES_MAX + 1];
    struct emit j = { .to = stdout };

    if (!cli_wants_json(cli)) {
        printf("%s\t%s\t%s\t%" PRIu32 "\n", show_id(&id, text), outcomes[r->outcome], r->reason, r->attempts);
        fflush(stdout);
        return;
    }
    emit_object(&j, NULL);
    emit_text(&j, "kind", "receipt");
    emit_text(&j, "channel", r->channel);
    emit_text(&j, "id", show_id(&id, text));
    emit_text(&j, "outcome", outcomes[r->outcome]);
    emit_text(&j, "reason", r->reason[0] ? r->reason : NULL);
    emit_u64(&j, "attempts", r->attempts);
    emit_object_end(&j);
    emit_end(&j);
}

static int take(const struct cli *cli, strato_client *client, int timeout_ms, struct receipts *receipts)
{
    struct strato_receipt r;
    int rc = strato_receipt_next(client, timeout_ms, &r);

    if (rc < 0)
        return rc;
    print(cli, &r);
    receipts->count++;
    receipts->by_outcome[r.outcome]++;
    return 0;
}

void receipts_drain(const struct cli *cli, strato_client *client, struct receipts *receipts)
{
    while (take(cli, client, 0, receipts) == 0)
        continue;
}

int receipts_wait(const struct cli *cli, strato_client *client, uint64_t wanted, uint32_t wait_ms,
                  struct receipts *receipts)
{
    uint64_t deadline_ms = wait_ms ? link_now_ms() + wait_ms : UINT64_MAX;
    uint64_t settled;
    int rc = 0;

    while (receipts->count < wanted && link_now_ms() < deadline_ms) {
        if (cli_is_interrupted())
            return CLI_INTERRUPTED;
        rc = take(cli, client, link_slice_ms(deadline_ms), receipts);
        if (rc < 0 && rc != STRATO_EEMPTY)
            return link_fail(cli, client, rc, "waiting for receipts");
    }
    settled = receipts->by_outcome[STRATO_OUTCOME_SETTLED];
    if (receipts->count < wanted)
        return cli_fail(cli, receipts->count ? CLI_PARTIAL : CLI_TIMEOUT,
                        "%" PRIu64 " of %" PRIu64 " receipts did not come", wanted - receipts->count, wanted);
    if (settled < wanted)
        return cli_fail(cli, settled ? CLI_PARTIAL : CLI_FAILED, "%" PRIu64 " of %" PRIu64 " messages were not done",
                        wanted - settled, wanted);
    return CLI_OK;
}

void receipts_emit(struct emit *j, const char *key, const struct receipts *receipts)
{
    emit_object(j, key);
    for (int i = 0; i < RECEIPT_OUTCOMES; i++)
        emit_u64(j, outcomes[i], receipts->by_outcome[i]);
    emit_object_end(j);
}
