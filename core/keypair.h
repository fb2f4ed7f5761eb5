/*
 * keypair.h - the file in which a program keeps its own key pair, or somebody's public key.
 *
 *     name: trainer
 *     public: 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7'
 *     secret: 'D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs'
 *
 * The form is a small part of YAML, read without a YAML library, since clients read it too. A file with a secret must be
 * its owner's alone: one that others may read is refused, as ssh refuses it (root's may be read by its group, since that is
 * how orchestrators hand secrets to programs that are not root). Nothing here makes keys.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_KEYPAIR_H
#define STRATO_CORE_KEYPAIR_H

#include "core/errors.h"
#include "core/z85.h"

enum {
    STRATO_KEYPAIR_FILE_BYTES_MAX = 4096,
    STRATO_KEY_NAME_BYTES_MAX = 64,
    STRATO_KEYPAIR_TEXT_BYTES = 512, /* room for strato_keypair_print() */
};

struct strato_keypair {
    char name[STRATO_KEY_NAME_BYTES_MAX + 1]; /* "" = none given */
    uint8_t public_key[STRATO_KEY_BYTES], secret_key[STRATO_KEY_BYTES];
    bool has_secret;
};

/** May a key have this name? Letters, digits and . _ - ; 1..64 bytes; not "local", which is what needs no key. */
bool strato_key_name_is_good(struct strato_bytes name);
/** Read the text of such a file. @return 0; STRATO_ECONFIG (ret_detail says line and cause). */
int strato_keypair_parse(struct strato_bytes text, struct strato_keypair *ret_pair, char *ret_detail,
                         size_t detail_bytes);
/**
 * Read a file.
 * @param wants_secret  Refuse a file without one.
 * @return 0; STRATO_ENOENT; STRATO_EIO; STRATO_ECONFIG (not such a file; others may read the secret): ret_detail says
 *         which file, why, and what helps. Wipe the pair with strato_keypair_wipe().
 */
int strato_keypair_read(const char *path, bool wants_secret, struct strato_keypair *ret_pair, char *ret_detail,
                        size_t detail_bytes);
/** Write the text; the secret only if there is one. @return its length. */
size_t strato_keypair_print(const struct strato_keypair *pair, char ret_text[STRATO_KEYPAIR_TEXT_BYTES]);
/** Overwrite the secret; not optimised away. */
void strato_keypair_wipe(struct strato_keypair *pair);
#endif
