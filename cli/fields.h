/*
 * fields.h - -H key:value, the envelope fields a user sets by hand.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_FIELDS_H
#define STRATO_CLI_FIELDS_H

#include "cli/link.h"

/** Room for what the envelope only borrows. */
struct fields {
    const char *needs[STRATO_NEEDS_MAX];
};

/**
 * Fill `envelope` from a list of "key:value". The texts are borrowed from the list.
 * @return CLI_OK, or CLI_USAGE after telling which one is wrong.
 */
int fields_apply(const struct cli *cli, const struct strato_option_list *list, struct fields *fields,
                 struct strato_envelope_out *envelope);
#endif
