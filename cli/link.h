/*
 * link.h - the session of one verb with the broker: open it, and say what went wrong.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_LINK_H
#define STRATO_CLI_LINK_H

#include "bindings/c/include/stratoswarm.h"
#include "cli/verb.h"

/** What refused sends leave behind; see link_open(). */
struct link_refusals {
    uint64_t count;
    int first;        /* err of the first */
    char detail[256]; /* the broker's words about it */
};

/** Put server and keys into a client's options; says what is wrong with a key file. @return CLI_OK, or the exit code. */
int link_options(const struct cli *cli, struct strato_client_options *options);

/**
 * Open a session as a tool. Tells the user why not.
 * @param own_thread  Keep leases and heartbeats alive while the verb works.
 * @param refusals    Counts messages that the broker refused by content; may be NULL. Borrowed until the close.
 * @return CLI_OK, or the exit code.
 */
int link_open(const struct cli *cli, bool own_thread, struct link_refusals *refusals, strato_client **ret_client);

/** The same under an agent's name, which nobody else may hold meanwhile. */
int link_open_as(const struct cli *cli, const char *agent, strato_client **ret_client);

/** Say that `what` failed with `err`, in the broker's words where it has some. @return the exit code. */
int link_fail(const struct cli *cli, strato_client *client, int err, const char *what);

/** strato_send(), in slices, so that an interrupt is heeded. Waits at most timeout_ms; STRATO_EINTERRUPTED. */
int link_send(strato_client *client, const struct strato_send *message, int timeout_ms);
/** strato_flush(), likewise. */
int link_flush(strato_client *client, int timeout_ms);
/** Ask and wait, likewise. ret_ns: time from sending to the answer; may be NULL. Destroy the reply. */
int link_request(strato_client *client, const struct strato_send *message, const struct strato_request_options *options,
                 strato_message **ret_reply, uint64_t *ret_ns);

/** Monotonic time. */
uint64_t link_now_ns(void);
uint64_t link_now_ms(void);
/** Longest wait that does not feel like ignoring Ctrl-C. */
enum { LINK_SLICE_MS = 100 };
/** A slice of what is left until deadline_ms (UINT64_MAX = for ever), 0..LINK_SLICE_MS. */
int link_slice_ms(uint64_t deadline_ms);
/** Sleep until then, or an interrupt. */
void link_sleep_until_ns(uint64_t when_ns);
#endif
