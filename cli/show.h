/*
 * show.h - one received message, as people and as programs read it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_SHOW_H
#define STRATO_CLI_SHOW_H

#include "cli/emit.h"
#include "cli/link.h"

/** As an object of its own: {"kind":...,"payload":...}; the shape stands in cli/README.md. LAGGED: {"kind":"lagged",...}. */
void show_json(struct emit *j, const strato_message *message);
/** For people: on a terminal a heading and the body, else one line of tab-separated fields. `number` counts from 1. */
void show_text(const struct cli *cli, const strato_message *message, uint64_t number);
/** The bytes of it: a string or binary payload as it is, other values as JSON, then the attachments. */
void show_raw(const strato_message *message);
/** As the verb was asked to: raw, JSON or text, flushed. A gap is told on stderr where it is not JSON. */
void show(const struct cli *cli, const strato_message *message, uint64_t number, bool is_raw);
/** Payload of a message as one line of JSON, to a stream. */
void show_payload(FILE *to, const strato_message *message);
/** Bytes of payload and attachments. */
size_t show_bytes(const strato_message *message);
/** An id as text: a UUID, or as it is. "" if absent. */
const char *show_id(const struct strato_id *id, char text[STRATO_ID_BYTES_MAX + 1]);
#endif
