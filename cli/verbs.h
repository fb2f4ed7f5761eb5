/*
 * verbs.h - the verbs, one per cmd_<verb>.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_VERBS_H
#define STRATO_CLI_VERBS_H

#include "cli/verb.h"

extern const struct cli_verb cmd_pub, cmd_sub, cmd_req, cmd_reply, cmd_push, cmd_pull, cmd_ping, cmd_health, cmd_doctor;
extern const struct cli_verb cmd_send, cmd_inbox, cmd_history;
extern const struct cli_verb cmd_key_new, cmd_key_show, cmd_key_allow, cmd_key_revoke, cmd_key_ls;
extern const struct cli_verb cmd_route_ls, cmd_route_add, cmd_route_set, cmd_route_rm;
extern const struct cli_verb cmd_channel_ls, cmd_channel_info, cmd_channel_watch, cmd_channel_add, cmd_channel_set,
    cmd_channel_rm, cmd_channel_purge, cmd_channel_pause, cmd_channel_resume, cmd_channel_stats;
extern const struct cli_verb cmd_dlq_ls, cmd_dlq_get, cmd_dlq_redrive, cmd_dlq_purge;
extern const struct cli_verb cmd_bench_pub, cmd_bench_sub, cmd_bench_req, cmd_bench_work;
extern const struct cli_verb cmd_gpu_info, cmd_gpu_run;
extern const struct cli_verb cmd_evolve;
#endif
