/*
 * logfmt.h - one log line in a fixed buffer: event first, then key=value.
 *
 *     struct strato_log_line l;
 *     strato_log_begin(&l, STRATO_LOG_LOGFMT, wall_ms, STRATO_LOG_INFO, "broker", "lease expired");
 *     strato_log_u64(&l, "job", 7);
 *     fputs(strato_log_end(&l), stderr);
 *   -> 2026-01-02T03:04:05.678Z info broker lease expired job=7
 *   -> {"ts":"2026-01-02T03:04:05.678Z","level":"info","component":"broker","msg":"lease expired","job":7}
 *
 * No I/O, no clock, no allocation: the caller passes the time in and writes the line. A line that does
 * not fit is cut and says so (truncated=true). Control characters are escaped, so a peer's text can never
 * forge a second line. strato_log_limit decides when a repeated line is worth printing again.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_LOGFMT_H
#define STRATO_CORE_LOGFMT_H

#include "core/bytes.h"

enum strato_log_format { STRATO_LOG_LOGFMT, STRATO_LOG_JSON };
enum strato_log_level { STRATO_LOG_ERROR, STRATO_LOG_WARN, STRATO_LOG_INFO, STRATO_LOG_DEBUG };
enum { STRATO_LOG_LINE_BYTES = 2048 };

struct strato_log_line {
    enum strato_log_format format;
    size_t used;
    bool is_cut;
    char text[STRATO_LOG_LINE_BYTES];
};

/** Begin a line. component may be NULL. event: what happened, lower case, no full stop. */
void strato_log_begin(struct strato_log_line *l, enum strato_log_format format, uint64_t wall_ms,
                      enum strato_log_level level, const char *component, const char *event);
void strato_log_str(struct strato_log_line *l, const char *key, struct strato_bytes value);
void strato_log_text(struct strato_log_line *l, const char *key, const char *value);
void strato_log_u64(struct strato_log_line *l, const char *key, uint64_t value);
void strato_log_i64(struct strato_log_line *l, const char *key, int64_t value);
void strato_log_f64(struct strato_log_line *l, const char *key, double value);
void strato_log_bool(struct strato_log_line *l, const char *key, bool value);
/** Close it. Returns the text with its newline; lives in `l`. */
const char *strato_log_end(struct strato_log_line *l);
/** "error", "warn", "info", "debug". */
const char *strato_log_level_name(enum strato_log_level level);

enum { STRATO_LOG_LIMIT_KEYS = 64 };

/** At most one line per key and interval; the next one says how many were left out. Zero-initialise. */
struct strato_log_limit {
    struct {
        uint64_t key, until_ms, suppressed;
    } slots[STRATO_LOG_LIMIT_KEYS];
};
/**
 * May the line with this key (a hash of event and subject, not 0) be printed now?
 * @param ret_suppressed  How many were held back since the last one; print it as `suppressed=` if not 0.
 * A full table forgets the entry that is free soonest: too many lines rather than none.
 */
bool strato_log_limit_allows(struct strato_log_limit *limit, uint64_t key, uint64_t now_ms, uint32_t interval_ms,
                             uint64_t *ret_suppressed);
#endif
