/*
 * header.h - the first map of a native frame: which operation, with which keys.
 *
 * Decodes every key that SWP/1 knows into one flat struct; unknown keys are passed over. It judges shape
 * only (a uint where a uint belongs); what an operation requires is the operation's affair.
 * Keys and operations come from schemas/operations.yaml. Rule: docs/wire.md "Frames".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_HEADER_H
#define STRATO_CORE_HEADER_H

#include "core/cursor.h"
#include "core/writer.h"
#include "schemas/operations.h"

enum { STRATO_HEADER_BYTES_MAX = 4096 };

#define X(name, carries) STRATO_OP_##name,
enum strato_op { STRATO_OP_NONE = 0, STRATO_OPERATIONS(X) STRATO_OP_COUNT };
#undef X

#define X(name, text) STRATO_ADMIN_##name,
enum strato_admin_op { STRATO_ADMIN_NONE = 0, STRATO_ADMIN_OPERATIONS(X) STRATO_ADMIN_COUNT };
#undef X

/* One bit per key: STRATO_KEY_ch and so on, to be tested in strato_header.has[]. */
#define X(name, type) STRATO_KEY_##name,
enum strato_key { STRATO_HEADER_KEYS(X) STRATO_KEY_COUNT };
#undef X

#define STRATO_FIELD_U(name) uint64_t name;
#define STRATO_FIELD_B(name) bool name;
#define STRATO_FIELD_S(name) struct strato_bytes name; /* characters, borrowed from the frame */
#define STRATO_FIELD_R(name) struct strato_bytes name; /* one encoded msgpack value, borrowed from the frame */
#define X(name, type)        STRATO_FIELD_##type(name)
/**
 * A decoded header. Absent keys hold 0, false or none, but for the defaults of operations.yaml
 * (v 1, penalty true, n 1 where the operation carries messages). A uint key accepts a bool as 0 or 1.
 */
struct strato_header {
    enum strato_op opcode;      /* STRATO_OP_admin for admin.* */
    enum strato_admin_op admin; /* which one, for STRATO_OP_admin; NONE if it is not in the list */
    uint64_t has[2];            /* bit STRATO_KEY_x set = the key was present */
    STRATO_HEADER_KEYS(X)
};
#undef X

static inline bool strato_header_has(const struct strato_header *h, enum strato_key key)
{
    return (h->has[(unsigned)key / 64U] >> ((unsigned)key % 64U)) & 1U;
}

/**
 * Decode the header at the start of a frame.
 *
 * @param c           In: the frame. Out: behind the header, where the envelopes begin. Unmoved on error.
 * @param bytes_max   Longest header accepted, STRATO_HEADER_BYTES_MAX for what a client sends.
 * @param ret_header  Borrowed slices point into the frame.
 * @return 0; STRATO_ECODEC; STRATO_ELIMIT if it is longer than bytes_max; STRATO_EPROTO if it is no map, has
 *         no op, an unknown op, a wrongly typed or duplicate key; STRATO_EVERSION if v is not 1.
 *         After EPROTO and EVERSION, `rq` and `ch` are set if they were readable, so the error can be echoed.
 */
int strato_header_decode(struct strato_cursor *c, size_t bytes_max, struct strato_header *ret_header);

/** Name of an operation as it travels ("put"); "none" for STRATO_OP_NONE. Static. */
const char *strato_op_name(enum strato_op op);
/** Full name of an admin operation ("admin.stats"). Static. */
const char *strato_admin_name(enum strato_admin_op op);
/** Does the operation carry envelopes (so that n defaults to 1)? */
bool strato_op_carries(enum strato_op op);

/*
 * Writing a header: begin, put keys in any order, end. The pair count is patched in at the end, so no
 * count must be known beforehand (at most 31 pairs; the head is a fixed two-byte-safe map16).
 */
struct strato_header_writer {
    struct strato_writer *w;
    size_t head; /* offset of the map head */
    uint32_t pairs;
};
void strato_header_begin(struct strato_header_writer *hw, struct strato_writer *w, const char *op);
void strato_header_u64(struct strato_header_writer *hw, const char *key, uint64_t value);
void strato_header_bool(struct strato_header_writer *hw, const char *key, bool value);
void strato_header_str(struct strato_header_writer *hw, const char *key, struct strato_bytes value);
void strato_header_raw(struct strato_header_writer *hw, const char *key, struct strato_bytes encoded);
/** Only the key: the caller then writes exactly one value to hw->w. */
void strato_header_key(struct strato_header_writer *hw, const char *key);
void strato_header_end(struct strato_header_writer *hw);
#endif
