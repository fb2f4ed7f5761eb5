/*
 * edit.h - add and remove one key of a keys file, leaving everything else as people wrote it.
 *
 * A key is one line under `keys:`; comments, roles and order stay. What would come out is read as a keys file before it
 * takes the old one's place, in one step (rename), so a broker that watches never sees half of it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_AUTH_EDIT_H
#define STRATO_AUTH_EDIT_H

#include "broker/auth/keys.h"

struct auth_entry {
    const char *name;
    uint8_t key[STRATO_KEY_BYTES];
    const char *const *roles;
    size_t roles_count;
    uint32_t rate_per_s, connections; /* 0 = say nothing of it */
};

/**
 * The text with this entry in it, instead of one of the same name.
 * @param text  May be empty.
 * @return 0; STRATO_ECONFIG (the old text, or what would come of it, is no keys file; or `keys:` is written in a line);
 *         STRATO_ENOMEM. ret_text is malloc'ed.
 */
int auth_edit_allow(struct strato_bytes text, const struct auth_entry *entry, char **ret_text,
                    struct strato_option_error *ret_error);
/** The text without the key of this name. @return also STRATO_ENOENT. */
int auth_edit_revoke(struct strato_bytes text, const char *name, char **ret_text,
                     struct strato_option_error *ret_error);

/** Read a file whole, at most as long as a keys file may be. A missing one is empty, and *ret_is_new. @return 0, STRATO_EIO, STRATO_ENOMEM. */
int auth_edit_read(const char *path, char **ret_text, bool *ret_is_new);
/** Put a text in a file's place, with its mode (0644 for a new one). @return 0 or STRATO_EIO (errno says why). */
int auth_edit_write(const char *path, const char *text);
#endif
