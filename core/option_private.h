/*
 * option_private.h - what the files behind option.h share.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_OPTION_PRIVATE_H
#define STRATO_CORE_OPTION_PRIVATE_H

#include "core/option.h"

enum { STRATO__OPTION_NAME_BYTES = 96 };

struct strato_option_value {
    enum strato_option_origin origin;
    char *place;
};

/** Rows of both tables as one list. */
static inline size_t strato__options_count(const struct strato_program *p)
{
    return p->options_count + p->common_count;
}

static inline const struct strato_option *strato__options_at(const struct strato_program *p, size_t i)
{
    return i < p->options_count ? &p->options[i] : &p->common[i - p->options_count];
}

/** The actions that every program has: --help and its like. */
extern const struct strato_option strato__option_actions[];
extern const size_t strato__option_actions_count;

/** "max-message" -> "STRATO_MAX_MESSAGE" or "max_message". Cut to `bytes`. */
void strato__option_environment_name(const struct strato_program *p, const struct strato_option *row, char *name,
                                     size_t bytes);
void strato__option_key(const struct strato_option *row, char *name, size_t bytes);

/** Parse `text` and store it in the row's field, freeing what was there. @return 0, STRATO_EINVAL (ret_wanted says what), STRATO_ENOMEM. */
int strato__option_store(const struct strato_option *row, void *field, const char *text, bool appends, char *ret_wanted,
                         size_t wanted_bytes);
/** Free what a string or list row owns. */
void strato__option_release(const struct strato_option *row, void *config);
/** "yes or no", "a size from 4KiB to 64MiB": what a row wants, for errors and the reference. */
void strato__option_wanted(const struct strato_option *row, char *text, size_t bytes);
/** Index of a choice in "a|b|c", or -1. */
int strato__option_choice(const char *choices, const char *text);
/** The i-th choice; false behind the last. */
bool strato__option_choice_at(const char *choices, size_t i, struct strato_bytes *ret_choice);

#endif
