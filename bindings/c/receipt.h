/*
 * receipt.h - how messages ended whose producer asked, waiting to be fetched.
 *
 * A bounded ring: receipts past its end are dropped and counted, since a program that asks and never
 * fetches must not grow.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_RECEIPT_H
#define STRATO_BINDINGS_C_RECEIPT_H

#include "bindings/c/session.h"

/** Take a received `receipt`. One that is not understood is counted as lost. */
void strato__receipt_on_frame(struct strato__session *s, const struct strato_header *h);
/** The oldest; false if there is none. */
bool strato__receipt_pop(struct strato__session *s, struct strato_receipt *ret_receipt);
void strato__receipts_fini(struct strato__session *s);
#endif
