/*
 * verbs.c - the verb table: what `strato` can do, in the order in which help lists it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/verbs.h"

static const struct strato_program *const channel_verbs[] = {
    &cmd_channel_ls.program,     &cmd_channel_info.program,  &cmd_channel_watch.program, &cmd_channel_add.program,
    &cmd_channel_set.program,    &cmd_channel_rm.program,    &cmd_channel_purge.program, &cmd_channel_pause.program,
    &cmd_channel_resume.program, &cmd_channel_stats.program,
};

static const struct strato_program_example channel_examples[] = {
    { "strato channel ls", "every channel, how full it is, who uses it" },
    { "strato channel watch gpu", "its numbers and rates, once a second" },
};

static const struct strato_program channel_program = {
    .name = "strato channel",
    .summary = "look at channels, make and change them",
    CLI_PROGRAM_PLAIN,
    STRATO_PROGRAM_VERBS(channel_verbs),
    STRATO_PROGRAM_EXAMPLES(channel_examples),
};

static const struct strato_program *const dlq_verbs[] = {
    &cmd_dlq_ls.program,
    &cmd_dlq_get.program,
    &cmd_dlq_redrive.program,
    &cmd_dlq_purge.program,
};

static const struct strato_program_example dlq_examples[] = {
    { "strato dlq ls jobs", "what a channel could not do, and why" },
    { "strato dlq redrive jobs --all", "try all of it again" },
};

static const struct strato_program dlq_program = {
    .name = "strato dlq",
    .summary = "look at dead letters, send them back or forget them",
    CLI_PROGRAM_PLAIN,
    STRATO_PROGRAM_VERBS(dlq_verbs),
    STRATO_PROGRAM_EXAMPLES(dlq_examples),
};

static const struct strato_program *const route_verbs[] = {
    &cmd_route_ls.program,
    &cmd_route_add.program,
    &cmd_route_set.program,
    &cmd_route_rm.program,
};

static const struct strato_program_example route_examples[] = {
    { "strato route ls", "every rule, in the order in which they are tried" },
    { "strato route add tee audit --channel jobs", "a copy of every job to audit" },
};

static const struct strato_program route_program = {
    .name = "strato route",
    .summary = "rules that copy or move messages to other channels",
    CLI_PROGRAM_PLAIN,
    STRATO_PROGRAM_VERBS(route_verbs),
    STRATO_PROGRAM_EXAMPLES(route_examples),
};

static const struct strato_program *const key_verbs[] = {
    &cmd_key_new.program, &cmd_key_show.program, &cmd_key_allow.program, &cmd_key_revoke.program, &cmd_key_ls.program,
};

static const struct strato_program_example key_examples[] = {
    { "strato key new trainer", "a pair in trainer.key; prints the public key" },
    { "strato key allow trainer trainer.key --role agent", "let it in" },
};

static const struct strato_program key_program = {
    .name = "strato key",
    .summary = "make key pairs, and say who is let in with which rights",
    CLI_PROGRAM_PLAIN,
    STRATO_PROGRAM_VERBS(key_verbs),
    STRATO_PROGRAM_EXAMPLES(key_examples),
};

static const struct strato_program *const bench_verbs[] = {
    &cmd_bench_pub.program,
    &cmd_bench_sub.program,
    &cmd_bench_req.program,
    &cmd_bench_work.program,
};

static const struct strato_program_example bench_examples[] = {
    { "strato bench work --size 64", "how many messages a second go through a work channel here" },
    { "strato bench req --rate 1000", "latency at a fixed rate, counted from when each request was due" },
};

static const struct strato_program bench_program = {
    .name = "strato bench",
    .summary = "measure a broker under load",
    CLI_PROGRAM_PLAIN,
    STRATO_PROGRAM_VERBS(bench_verbs),
    STRATO_PROGRAM_EXAMPLES(bench_examples),
};

static const struct strato_program *const gpu_verbs[] = {
    &cmd_gpu_info.program,
    &cmd_gpu_run.program,
};

static const struct strato_program_example gpu_examples[] = {
    { "strato gpu info", "the device that answers, its memory and kernels" },
    { "strato gpu run vadd --n 1000000", "transfer, launch, read back, compare" },
};

static const struct strato_program gpu_program = {
    .name = "strato gpu",
    .summary = "use the devices of worker nodes",
    CLI_PROGRAM_PLAIN,
    STRATO_PROGRAM_VERBS(gpu_verbs),
    STRATO_PROGRAM_EXAMPLES(gpu_examples),
};

static const struct strato_program_example examples[] = {
    { "strato sub 'demo.>'", "print every event below demo" },
    { "strato pub demo.hi '{\"n\":1}'", "publish one" },
    { "strato reply math.add --exec 'jq .a+.b'", "answer requests by running a command" },
    { "strato req math.add '{\"a\":1,\"b\":2}'", "ask, and print the answer" },
};

static const struct strato_program *const verbs[] = {
    &cmd_pub.program,  &cmd_sub.program,  &cmd_req.program,    &cmd_reply.program,   &cmd_push.program,
    &cmd_pull.program, &cmd_send.program, &cmd_inbox.program,  &cmd_history.program, &channel_program,
    &dlq_program,      &route_program,    &key_program,        &gpu_program,         &cmd_evolve.program,
    &bench_program,    &cmd_ping.program, &cmd_health.program, &cmd_doctor.program,
};

const struct strato_program cli_program = {
    .name = "strato",
    .summary = "talk to a Stratoswarm broker",
    .doc = "Data goes to stdout, talk to stderr. Bodies are JSON; \"-\" reads one from stdin; bytes stand as "
           "{\"$bin\": \"base64\"}.",
    CLI_PROGRAM_PLAIN,
    STRATO_PROGRAM_VERBS(verbs),
    STRATO_PROGRAM_EXAMPLES(examples),
};
