/*
 * ledger.c - what an outside observer can say: what was sent, confirmed, received and settled, and whether that fits.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "broker/brain/state.h"
#include "tests/sim/bus/bus.h"

uint32_t ledger_sent(struct bus *bus, struct bus_actor *producer, const struct bus_step *step)
{
    struct bus_ledger *ledger = &bus->ledger;
    struct bus_entry *entry = calloc(1, sizeof(*entry));

    if (ledger->count + 1 >= ledger->capacity) {
        ledger->capacity = ledger->capacity ? ledger->capacity * 2 : 256;
        ledger->entries = realloc(ledger->entries, ledger->capacity * sizeof(struct bus_entry *));
    }
    if (!entry || !ledger->entries)
        abort();
    entry->channel = (enum bus_channel)step->channel;
    entry->producer = producer->index;
    entry->incarnation = producer->incarnation;
    entry->lane = (uint8_t)(step->choice % 4);
    entry->key = step->choice / 4 % 4 == 0 && step->kind == BUS_SEND ? (uint8_t)(1 + step->choice / 16 % 3) : 0;
    entry->has_ttl = step->choice / 64 % 8 == 0 && step->kind == BUS_SEND;
    entry->has_delay = step->choice / 512 % 8 == 0 && step->kind == BUS_SEND;
    ledger->entries[++ledger->count] = entry;
    return ledger->count;
}

void ledger_decided(struct bus *bus, uint32_t number, enum bus_fate fate)
{
    struct bus_ledger *ledger = &bus->ledger;
    struct bus_entry *entry = ledger->entries[number];

    static const char *const names[] = { "undecided", "confirmed", "refused", "unknown" };

    bus_trace(bus, "message %u to %s: %s", number, bus_channel_names[entry->channel], names[fate]);
    entry->fate = fate;
    entry->confirmed_life = bus->host.life;
    ledger->confirmed += fate == BUS_CONFIRMED;
    ledger->refused += fate == BUS_REFUSED;
    ledger->unknown += fate == BUS_UNKNOWN;
}

static bool is_same_life(const struct bus *bus, const struct bus_entry *entry, uint32_t life)
{
    return bus_channel_is_durable(entry->channel) || life == bus->host.life;
}

/* First deliveries of one producer and lane to the one consumer leave in the order in which they were sent. */
static void judge_order(struct bus *bus, uint32_t number, struct bus_entry *entry)
{
    uint32_t *last = &bus->ledger.last_first[entry->producer][entry->lane];

    if (entry->channel != BUS_SINGLE || entry->has_delay || entry->is_resent || entry->key || entry->delivered > 1 ||
        bus->ledger.has_redriven)
        return;
    if (number < *last && bus->ledger.entries[*last]->incarnation == entry->incarnation)
        bus_fail(bus, "order", "message %u was delivered after %u of the same producer and lane", number, *last);
    *last = number;
}

static void judge_key(struct bus *bus, uint32_t number, struct bus_entry *entry)
{
    uint32_t *last = &bus->ledger.last_key[entry->channel][entry->producer][entry->key];
    struct bus_entry *before;

    if (!entry->key || entry->is_resent || entry->delivered > 1)
        return;
    before = *last ? bus->ledger.entries[*last] : NULL;
    /* Lanes pass each other, a delayed one waits, and a redriven one is new: but for those, the key keeps its order. */
    if (before && number < *last && before->lane == entry->lane && before->incarnation == entry->incarnation &&
        !entry->has_delay && !before->has_delay && !bus->ledger.has_redriven)
        bus_fail(bus, "order key", "message %u was delivered after %u of the same key", number, *last);
    *last = number > *last ? number : *last;
}

uint32_t ledger_number(const struct strato_envelope *e)
{
    struct strato_cursor c = strato_cursor_over(e->payload);
    struct strato_bytes bytes;
    uint32_t number = 0;

    if (strato_cursor_bin(&c, 4, &bytes) < 0 || bytes.bytes != 4)
        return 0;
    for (int i = 0; i < 4; i++)
        number = number << 8 | bytes.data[i];
    return number;
}

static struct bus_entry *entry_of(struct bus *bus, uint32_t number, struct strato_bytes channel)
{
    struct bus_entry *entry = number && number <= bus->ledger.count ? bus->ledger.entries[number] : NULL;

    if (!entry)
        bus_fail(bus, "invented", "a message that nobody sent was delivered");
    if (!strato_bytes_is(channel, bus_channel_names[entry->channel]))
        bus_fail(bus, "invented", "message %u was sent to %s and came from %.*s", number,
                 bus_channel_names[entry->channel], (int)channel.bytes, (const char *)channel.data);
    return entry;
}

void ledger_delivered(struct bus *bus, struct strato_bytes channel, const struct strato_envelope *e)
{
    uint32_t number = ledger_number(e);
    struct bus_entry *entry;

    if (strato_bytes_is(channel, bus_channel_names[BUS_COPIES]) || strato_bytes_is(channel, bus_channel_names[BUS_ASK]))
        return;
    entry = entry_of(bus, number, channel);
    bus_trace(bus, "broker hands out message %u of %.*s, delivery %u", number, (int)channel.bytes,
              (const char *)channel.data, e->deliveries);
    if (entry->is_settled && is_same_life(bus, entry, entry->settled_life) && !bus->ledger.has_redriven &&
        !(entry->is_resent && bus->ledger.has_jumped))
        bus_fail(bus, "settled", "message %u was settled and confirmed, and is delivered again", number);
    if (entry->delivered_life != bus->host.life) /* what a new broker does not know of, it counts anew */
        entry->deliveries = 0;
    if (entry->deliveries >> (e->deliveries % 64) & 1 && !bus->ledger.has_redriven)
        bus_fail(bus, "duplicate", "message %u has two deliveries number %u", number, e->deliveries);
    entry->deliveries |= UINT64_C(1) << (e->deliveries % 64);
    entry->delivered++;
    entry->delivered_life = bus->host.life;
    judge_order(bus, number, entry);
    judge_key(bus, number, entry);
}

void ledger_received(struct bus *bus, uint32_t number, enum bus_channel channel, const struct strato_envelope *e)
{
    struct bus_entry *entry = entry_of(bus, number, strato_text(bus_channel_names[channel]));

    bus_trace(bus, "message %u from %s: seq %llu, delivery %u, attempt %u", number, bus_channel_names[channel],
              (unsigned long long)e->seq, e->deliveries, e->attempts);
    if (entry->fate == BUS_REFUSED && !entry->is_resent)
        bus_fail(bus, "refused", "message %u was refused, and delivered", number);
    entry->received++;
    bus->ledger.received++;
}

void ledger_settled(struct bus *bus, uint32_t number)
{
    struct bus_entry *entry = bus->ledger.entries[number];

    bus_trace(bus, "message %u: settle confirmed", number);
    entry->is_settled = true;
    entry->settled_life = bus->host.life;
    bus->ledger.settled++;
}

/* ---- the end ------------------------------------------------------------------------------------- */

static uint32_t number_of(const struct message *m)
{
    struct strato_bytes payload = message_field(m, "payload");
    uint32_t number = 0;

    for (size_t i = 0; i < payload.bytes && i < 4; i++)
        number = number << 8 | payload.data[i];
    return payload.bytes == 4 ? number : 0;
}

static void mark_dead(struct bus *bus, bool *is_dead)
{
    const struct brain *brain = bus->host.brain;

    for (uint32_t i = 0; i < brain->channels_count; i++) {
        const struct channel *ch = brain->channels[i];

        for (uint32_t k = 0; ch && k < ch->dead.count; k++) {
            uint32_t number = number_of(deadletters_at(&ch->dead, k)->message);

            if (number <= bus->ledger.count)
                is_dead[number] = true;
        }
    }
}

void ledger_judge(struct bus *bus)
{
    struct bus_ledger *ledger = &bus->ledger;
    bool *is_dead = calloc(ledger->count + 1, sizeof(*is_dead));

    if (!is_dead)
        abort();
    mark_dead(bus, is_dead);
    for (uint32_t n = 1; n <= ledger->count; n++) {
        const struct bus_entry *entry = ledger->entries[n];

        if (entry->fate != BUS_CONFIRMED || entry->received || is_dead[n] || !bus_channel_is_exact(entry->channel))
            continue;
        if (!is_same_life(bus, entry, entry->confirmed_life)) {
            ledger->life_lost++; /* a memory channel ends with its broker, and its clients were told of the new epoch */
            continue;
        }
        bus_fail(bus, "lost", "message %u to %s was confirmed, and is nowhere", n, bus_channel_names[entry->channel]);
    }
    free(is_dead);
}

void ledger_fini(struct bus *bus)
{
    for (uint32_t n = 1; n <= bus->ledger.count; n++)
        free(bus->ledger.entries[n]);
    free(bus->ledger.entries);
}
