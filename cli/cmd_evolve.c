/*
 * cmd_evolve.c - strato evolve: breed solutions of a problem on the bus, watch it, keep a report.
 *
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/emit.h"
#include "cli/evolve_run.h"
#include "cli/progress.h"
#include "cli/report/report.h"
#include "cli/verbs.h"
#include "core/oracle/oracle.h"
#include "core/oracle/search.h"

struct evolve_config {
    struct cli_common common;
    char *problem, *data, *report, *save, *resume;
    uint32_t population, dim, instance;
    uint64_t generations, every, seed;
    int dtype, algo;
    char *cost, *mutation_rate, *crossover_rate;
    uint32_t elites, tournament;
};

enum { EVERY_SHARE = 200, WORKERS_LOOK_MS = 500, SAVE_EVERY_MS = 10000 };

static const struct strato_option rows[] = {
    { .name = "problem",
      .letter = 'p',
      STRATO_OPTION_AT(struct evolve_config, problem),
      .kind = STRATO_OPTION_STRING,
      .value = "NAME",
      .initial = "rastrigin",
      .doc = "Fitness function: sphere, rosenbrock, rastrigin, ackley, griewank, schwefel, levy, zakharov, "
             "styblinski-tang, bbob:f1 to bbob:f24, or strategy (a trading strategy on --data)." },
    { .name = "data",
      .letter = 'd',
      STRATO_OPTION_AT(struct evolve_config, data),
      .kind = STRATO_OPTION_STRING,
      .value = "FILE",
      .complete = "file",
      .doc = "CSV with the columns time, DAX, SMI, CAC, FTSE; for the problem strategy." },
    { .name = "population",
      .letter = 'n',
      STRATO_OPTION_AT(struct evolve_config, population),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "100",
      .min = 1,
      .max = 1U << 20,
      .doc = "Individuals." },
    { .name = "generations",
      .letter = 'g',
      STRATO_OPTION_AT(struct evolve_config, generations),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "1000",
      .min = 1,
      .max = 1U << 30,
      .doc = "Generations to run." },
    { .name = "dim",
      STRATO_OPTION_AT(struct evolve_config, dim),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "0",
      .max = 65536,
      .doc = "Genes of an individual; 0 = as many as the problem likes." },
    { .name = "instance",
      STRATO_OPTION_AT(struct evolve_config, instance),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "1",
      .min = 1,
      .max = STRATO_LANDSCAPE_INSTANCE_MAX,
      .doc = "Which shift and rotation of a bbob function." },
    { .name = "algo",
      .letter = 'a',
      STRATO_OPTION_AT(struct evolve_config, algo),
      .kind = STRATO_OPTION_ENUM,
      .value = "NAME",
      .initial = "ga",
      .choices = "ga|de|de-best|de-pbest|pso|sep-cma-es|cma-es|snes",
      .doc = "Search algorithm." },
    { .name = "seed",
      STRATO_OPTION_AT(struct evolve_config, seed),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "1",
      .max = UINT64_MAX,
      .doc = "The same seed gives the same result, on every device and with any number of workers." },
    { .name = "dtype",
      STRATO_OPTION_AT(struct evolve_config, dtype),
      .kind = STRATO_OPTION_ENUM,
      .value = "TYPE",
      .initial = "f32",
      .choices = "f32|f64",
      .doc = "Number format of the genes on devices." },
    { .name = "mutation-rate",
      STRATO_OPTION_AT(struct evolve_config, mutation_rate),
      .kind = STRATO_OPTION_STRING,
      .value = "SHARE",
      .initial = "0.01",
      .doc = "Chance that a gene of a child mutates; for ga." },
    { .name = "crossover-rate",
      STRATO_OPTION_AT(struct evolve_config, crossover_rate),
      .kind = STRATO_OPTION_STRING,
      .value = "SHARE",
      .initial = "0.8",
      .doc = "Chance that two parents cross over; for ga." },
    { .name = "elites",
      STRATO_OPTION_AT(struct evolve_config, elites),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "5",
      .max = 1U << 20,
      .doc = "Best individuals that live on unchanged; for ga." },
    { .name = "tournament",
      STRATO_OPTION_AT(struct evolve_config, tournament),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "3",
      .min = 1,
      .max = 1U << 20,
      .doc = "Individuals of whom the best becomes a parent; for ga." },
    { .name = "cost",
      STRATO_OPTION_AT(struct evolve_config, cost),
      .kind = STRATO_OPTION_STRING,
      .value = "SHARE",
      .initial = "0.001",
      .doc = "Cost of trading, as a share of what is traded; for the problem strategy." },
    { .name = "every",
      STRATO_OPTION_AT(struct evolve_config, every),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .initial = "0",
      .max = 1U << 30,
      .doc = "Generations from one progress report to the next; 0 = about 200 reports a run." },
    { .name = "report",
      .letter = 'r',
      STRATO_OPTION_AT(struct evolve_config, report),
      .kind = STRATO_OPTION_STRING,
      .value = "DIR",
      .complete = "dir",
      .doc = "Write report.html and result.json there." },
    { .name = "save",
      STRATO_OPTION_AT(struct evolve_config, save),
      .kind = STRATO_OPTION_STRING,
      .value = "FILE",
      .complete = "file",
      .doc = "Keep a snapshot of the population there: every ten seconds, and at the end." },
    { .name = "resume",
      STRATO_OPTION_AT(struct evolve_config, resume),
      .kind = STRATO_OPTION_STRING,
      .value = "FILE",
      .complete = "file",
      .doc = "Go on from a snapshot, on whatever broker, as if there had been no break. It says problem, sizes, seed, "
             "algorithm and parameters; the options for these are not looked at." },
};

/* All that a run holds; freed in one place. */
struct run {
    struct cli *cli;
    const struct evolve_config *config;
    struct evolve_settings settings;
    struct strato_strategy_rules rules;
    struct market market;
    struct backtest backtest;
    strato_client *client;
    struct progress progress;
    struct evolve_workers workers;
    uint64_t workers_looked_ms, started_ns, saved_ms;
    char population[EVOLVE_NAME_BYTES_MAX + 1], problem[EVOLVE_NAME_BYTES_MAX + 1], title[160];
    uint64_t first;                                      /* generation that the run begins at */
    double *generation, *best, *mean, *std_dev, *genome; /* points each; genome dim */
    struct report_run report;
    uint64_t local_evaluations;
};

static int read_share(const struct cli *cli, const char *option, const char *text, double *ret_share)
{
    char *end;

    *ret_share = strtod(text, &end);
    if (end == text || *end || !(*ret_share >= 0 && *ret_share <= 1))
        return cli_fail(cli, CLI_USAGE, "--%s: want a share from 0 to 1, such as 0.05", option);
    return CLI_OK;
}

/* What needs no broker to be seen. */
static int check(struct run *r)
{
    const struct evolve_config *c = r->config;
    const struct strato_problem *problem = strato_problem_find(strato_text(c->problem));
    char *end;
    int code;

    if (!problem)
        return cli_fail(r->cli, CLI_USAGE, "no problem \"%s\": strato evolve --help lists them", c->problem);
    if (problem->needs_data && !c->data)
        return cli_fail(r->cli, CLI_USAGE, "the problem %s needs --data FILE", c->problem);
    if (!problem->needs_data && c->data)
        return cli_fail(r->cli, CLI_USAGE, "the problem %s takes no --data", c->problem);
    r->rules = (struct strato_strategy_rules)STRATO_STRATEGY_RULES_DEFAULTS;
    r->rules.cost = strtod(c->cost, &end);
    if (end == c->cost || *end || !(r->rules.cost >= 0 && r->rules.cost <= 0.1))
        return cli_fail(r->cli, CLI_USAGE, "--cost: want a share from 0 to 0.1, such as 0.001");
    r->settings = (struct evolve_settings){ .problem = c->problem,
                                            .algo = strato_algorithm_name((uint32_t)c->algo), /* in one order */
                                            .population = c->population,
                                            .dim = c->dim ? c->dim : problem->dim_default,
                                            .seed = c->seed,
                                            .is_f64 = c->dtype == 1,
                                            .instance = problem->capability ? c->instance : 0,
                                            .elites = c->elites,
                                            .tournament = c->tournament,
                                            .cost = r->rules.cost,
                                            .train = r->rules.train,
                                            .has_data = problem->needs_data };
    if (r->settings.dim < problem->dim_min || r->settings.dim > problem->dim_max)
        return cli_fail(r->cli, CLI_USAGE, "--dim: %s has %u to %u genes", c->problem, problem->dim_min,
                        problem->dim_max);
    code = read_share(r->cli, "mutation-rate", c->mutation_rate, &r->settings.mutation_rate);
    if (code == CLI_OK)
        code = read_share(r->cli, "crossover-rate", c->crossover_rate, &r->settings.crossover_rate);
    return code;
}

static int load(struct run *r)
{
    char detail[512] = "";
    int rc;

    if (!r->settings.has_data)
        return CLI_OK;
    rc = market_load(r->config->data, &r->market, detail, sizeof detail);
    if (rc < 0)
        return cli_fail(r->cli, rc == STRATO_ENOENT ? CLI_NOT_FOUND : CLI_FAILED, "%s",
                        *detail ? detail : strato_strerror(rc));
    r->settings.data =
        strato_bytes(r->market.closes, (size_t)r->market.days * STRATO_STRATEGY_MARKETS * sizeof(double));
    return CLI_OK;
}

/* Workers come and go; who watches wants to know, but not to pay for it at every generation. */
static void look_at_workers(struct run *r)
{
    struct evolve_workers now;
    uint64_t now_ms = link_now_ms();

    if (r->workers_looked_ms && now_ms < r->workers_looked_ms + WORKERS_LOOK_MS)
        return;
    if (evolve_workers(r->cli, r->client, &now) < 0)
        return;
    if (r->workers_looked_ms && now.count < r->workers.count)
        progress_note(&r->progress, "a worker left: %u -> %u; what it held is evaluated elsewhere", r->workers.count,
                      now.count);
    if (r->workers_looked_ms && now.count > r->workers.count)
        progress_note(&r->progress, "a worker joined: %u -> %u", r->workers.count, now.count);
    r->workers = now;
    r->workers_looked_ms = now_ms;
    if (now.count > r->report.workers_most)
        r->report.workers_most = now.count;
}

static void emit_progress(const struct evolve_progress *p, const struct run *r)
{
    struct emit j = { .to = stdout };

    emit_object(&j, NULL);
    emit_u64(&j, "generation", p->generation);
    emit_f64(&j, "best", p->best);
    emit_f64(&j, "mean", p->mean);
    emit_f64(&j, "std_dev", p->std_dev);
    emit_u64(&j, "evaluations", r->report.evaluations);
    emit_u64(&j, "workers", r->workers.count);
    emit_u64(&j, "queue", r->workers.depth);
    emit_object_end(&j);
    emit_end(&j);
}

static void record(struct run *r, const struct evolve_progress *p)
{
    size_t i = r->report.points++;
    double seconds = (double)(link_now_ns() - r->started_ns) / 1e9;
    struct progress_view view;

    r->generation[i] = (double)p->generation;
    r->best[i] = p->best;
    r->mean[i] = p->mean;
    r->std_dev[i] = p->std_dev;
    r->report.generations = p->generation;
    r->report.evaluations += p->evaluations;
    r->report.seconds = seconds;
    r->local_evaluations += p->local_evaluations;
    look_at_workers(r);
    view = (struct progress_view){ .title = r->title,
                                   .generation = p->generation,
                                   .generations = r->first + r->config->generations,
                                   .best = p->best,
                                   .mean = p->mean,
                                   .std_dev = p->std_dev,
                                   .rate = seconds > 0 ? (double)r->report.evaluations / seconds : 0,
                                   .seconds = seconds,
                                   .workers = r->workers.count,
                                   .depth = r->workers.depth,
                                   .local_evaluations = r->local_evaluations };
    progress_show(&r->progress, &view, link_now_ms(), p->generation >= r->first + r->config->generations);
    if (r->cli->common->jsonl)
        emit_progress(p, r);
}

/* The population of a snapshot is what the snapshot says, not what the options say. */
static int resume(struct run *r)
{
    struct evolve_resumed resumed;
    const struct strato_problem *problem;
    int code = evolve_resume(r->cli, r->client, r->config->resume, &resumed);

    if (code != CLI_OK)
        return code;
    problem = strato_problem_find(strato_text(resumed.problem));
    memcpy(r->population, resumed.population, sizeof(r->population));
    memcpy(r->problem, resumed.problem, sizeof(r->problem));
    r->first = resumed.generation;
    r->settings.dim = resumed.dim;
    r->settings.population = resumed.size;
    r->settings.seed = resumed.seed;
    r->settings.is_f64 = resumed.is_f64;
    if ((problem && problem->needs_data) != r->settings.has_data)
        return cli_fail(r->cli, CLI_USAGE, "the snapshot is of the problem %s: name it, and --data FILE if it has data",
                        resumed.problem);
    return CLI_OK;
}

static int begin(struct run *r)
{
    snprintf(r->problem, sizeof r->problem, "%s", r->config->problem);
    if (r->config->resume)
        return resume(r);
    return evolve_create(r->cli, r->client, &r->settings, r->population);
}

static int save(struct run *r, bool is_last)
{
    uint64_t now_ms = link_now_ms();

    if (!r->config->save || (!is_last && now_ms < r->saved_ms + SAVE_EVERY_MS))
        return CLI_OK;
    r->saved_ms = now_ms;
    return evolve_save(r->cli, r->client, r->population, r->config->save);
}

static int evolve(struct run *r)
{
    uint64_t every = r->config->every ? r->config->every : (r->config->generations + EVERY_SHARE - 1) / EVERY_SHARE;
    size_t points = (size_t)((r->config->generations + every - 1) / every);
    struct evolve_progress p = { 0 };
    uint64_t last;
    int code = begin(r);

    if (code != CLI_OK)
        return code;
    p.generation = r->first;
    last = r->first + r->config->generations;
    r->saved_ms = link_now_ms();

    r->generation = calloc(points, sizeof(double));
    r->best = calloc(points, sizeof(double));
    r->mean = calloc(points, sizeof(double));
    r->std_dev = calloc(points, sizeof(double));
    r->genome = calloc(r->settings.dim, sizeof(double));
    if (!r->generation || !r->best || !r->mean || !r->std_dev || !r->genome)
        return cli_fail(r->cli, CLI_FAILED, "out of memory");
    snprintf(r->title, sizeof r->title, "%.60s, %u genes, population %u, seed %" PRIu64, r->problem, r->settings.dim,
             r->settings.population, r->settings.seed);
    r->started_ns = link_now_ns();
    while (code == CLI_OK && p.generation < last && r->report.points < points) {
        uint64_t left = last - p.generation;

        code = cli_is_interrupted()
                   ? CLI_INTERRUPTED
                   : evolve_step(r->cli, r->client, r->population, p.generation, left < every ? left : every, &p);
        if (code == CLI_OK) {
            record(r, &p);
            code = save(r, p.generation >= last);
        }
    }
    if (code == CLI_OK)
        code = evolve_best(r->cli, r->client, r->population, r->settings.dim, r->genome, &r->report.best_fitness);
    return code;
}

static int write_report(struct run *r)
{
    char detail[512] = "";
    int rc;

    if (!r->config->report)
        return CLI_OK;
    rc = report_write(r->config->report, &r->report, detail, sizeof detail);
    return rc < 0 ? cli_fail(r->cli, CLI_PARTIAL, "no report: %s", *detail ? detail : strato_strerror(rc)) : CLI_OK;
}

static void print_result(const struct run *r)
{
    const struct report_run *report = &r->report;

    printf("best %.9g after %" PRIu64 " generations, %" PRIu64 " evaluations, %.1f s\n", report->best_fitness,
           report->generations, report->evaluations, report->seconds);
    if (report->backtest) {
        const struct backtest *bt = report->backtest;

        printf("in sample      strategy: Sharpe %5.2f, %6.1f %% a year   buy and hold: Sharpe %5.2f, %6.1f %% a year\n",
               bt->evolved.in.sharpe, 100 * backtest_annual_growth(&bt->evolved.in), bt->hold.in.sharpe,
               100 * backtest_annual_growth(&bt->hold.in));
        printf("out of sample  strategy: Sharpe %5.2f, %6.1f %% a year   buy and hold: Sharpe %5.2f, %6.1f %% a year\n",
               bt->evolved.out.sharpe, 100 * backtest_annual_growth(&bt->evolved.out), bt->hold.out.sharpe,
               100 * backtest_annual_growth(&bt->hold.out));
        printf("%s\n", backtest_verdict(bt));
    }
    if (r->config->report)
        printf("report %s/report.html\n", r->config->report);
}

static int print_json(const struct run *r)
{
    char *text = report_json(&r->report);

    if (!text)
        return cli_fail(r->cli, CLI_FAILED, "out of memory");
    puts(text);
    free(text);
    return CLI_OK;
}

/* The back-test runs on the double genes that the best individual travels as; f32 genes are exact in double. */
static int judge(struct run *r)
{
    int rc;

    r->report.genome = r->genome;
    if (!r->settings.has_data)
        return CLI_OK;
    rc = backtest_init(&r->backtest, r->genome, &r->market, &r->rules);
    if (rc < 0)
        return cli_fail(r->cli, CLI_FAILED, "no back-test: %s", strato_strerror(rc));
    r->report.backtest = &r->backtest;
    return CLI_OK;
}

static int finish(struct run *r)
{
    int code = judge(r), written;

    if (code != CLI_OK)
        return code;
    written = write_report(r);
    if (cli_wants_json(r->cli))
        code = print_json(r);
    else
        print_result(r);
    return code == CLI_OK ? written : code;
}

static int run(struct cli *cli, const void *verb_config)
{
    const struct evolve_config *config = verb_config;
    struct run r = { .cli = cli, .config = config };
    int code;

    progress_init(&r.progress, cli);
    code = check(&r);
    if (code == CLI_OK)
        code = load(&r);
    if (code == CLI_OK)
        code = link_open(cli, true, NULL, &r.client);
    r.report = (struct report_run){ .data_file = config->data };
    if (code == CLI_OK)
        code = evolve(&r);
    r.report.problem = r.problem;
    r.report.dtype = r.settings.is_f64 ? "f64" : "f32";
    r.report.seed = r.settings.seed;
    r.report.population = r.settings.population;
    r.report.dim = r.settings.dim;
    r.report.generation = r.generation;
    r.report.best = r.best;
    r.report.mean = r.mean;
    r.report.std_dev = r.std_dev;
    r.report.population_name = r.population;
    r.report.workers_last = r.workers.count;
    if (code == CLI_OK)
        code = finish(&r);
    strato_client_close(&r.client);
    backtest_fini(&r.backtest);
    market_fini(&r.market);
    free(r.generation);
    free(r.best);
    free(r.mean);
    free(r.std_dev);
    free(r.genome);
    return code;
}

static const struct strato_program_example examples[] = {
    { "strato evolve --problem rastrigin --dim 32 --population 1000 --generations 300", "a benchmark function" },
    { "strato evolve --problem bbob:f8 --dim 20 --dtype f64 --algo cma-es --population 20",
      "one of BBOB's 24 functions" },
    { "strato evolve --problem ackley --dim 64 --save run.snap", "keep a snapshot, for --resume run.snap" },
    { "strato evolve --problem strategy --data data/eu_stock_markets.csv --report out",
      "a trading strategy, with a report" },
};

const struct cli_verb cmd_evolve = {
    .program = { .name = "strato evolve",
                 .summary = "breed solutions on the bus, with live progress and a report",
                 .doc = "Asks the evolution service to breed; worker nodes evaluate. Without a worker the service "
                        "computes by itself.",
                 CLI_PROGRAM(rows),
                 STRATO_PROGRAM_EXAMPLES(examples) },
    .config_bytes = sizeof(struct evolve_config),
    .run = run,
};
