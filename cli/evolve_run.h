/*
 * evolve_run.h - the evolution service as `strato evolve` uses it: make a population, step it, read its best.
 *
 * A client like any other: requests on the channel `evolution`, answers by deadline. It computes nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_EVOLVE_RUN_H
#define STRATO_CLI_EVOLVE_RUN_H

#include "cli/link.h"
#include "schemas/evolution.h"

enum { EVOLVE_NAME_BYTES_MAX = 64, EVOLVE_STEP_TIMEOUT_MS = 10 * 60 * 1000 };

struct evolve_settings {
    const char *problem, *algo;
    uint32_t population, dim;
    uint64_t seed;
    bool is_f64;
    uint32_t instance;                    /* parameter of a BBOB function; 0 = the problem has none */
    double mutation_rate, crossover_rate; /* these four for the algorithm ga */
    uint32_t elites, tournament;
    double cost, train;       /* parameters of the problem "strategy"; sent when has_data */
    struct strato_bytes data; /* data set, none = the problem has none */
    bool has_data;
};

/** @return CLI_OK with the population's name, NUL-terminated; else the exit code, told. */
int evolve_create(const struct cli *cli, strato_client *client, const struct evolve_settings *settings,
                  char ret_population[EVOLVE_NAME_BYTES_MAX + 1]);

/** What the service says of a population that it took from a snapshot. */
struct evolve_resumed {
    char population[EVOLVE_NAME_BYTES_MAX + 1], problem[EVOLVE_NAME_BYTES_MAX + 1];
    uint64_t generation, seed;
    uint32_t size, dim;
    bool is_f64;
};
/** Make a population of the snapshot in a file. @return CLI_OK, or the exit code, told. */
int evolve_resume(const struct cli *cli, strato_client *client, const char *path, struct evolve_resumed *ret_resumed);
/** Write a snapshot of the population to a file: beside it first, then in its place, so that a kept one is never torn. */
int evolve_save(const struct cli *cli, strato_client *client, const char *population, const char *path);

/** What a step reports; see evolution.stepped. */
struct evolve_progress {
    uint64_t generation, evaluations, local_evaluations; /* evaluations of this step */
    double best, mean, std_dev;
};
/** Run `generations` from `generation` on. A service that is busy elsewhere is waited for. */
int evolve_step(const struct cli *cli, strato_client *client, const char *population, uint64_t generation,
                uint64_t generations, struct evolve_progress *ret_progress);

/** The best individual. ret_genes: array of dim. */
int evolve_best(const struct cli *cli, strato_client *client, const char *population, uint32_t dim, double *ret_genes,
                double *ret_fitness);

/** Who evaluates, and how much waits there: consumers and depth of the channel `fitness`. Zero if it does not exist yet. */
struct evolve_workers {
    uint32_t count;
    uint64_t depth;
};
int evolve_workers(const struct cli *cli, strato_client *client, struct evolve_workers *ret_workers);
#endif
