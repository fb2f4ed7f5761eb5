/*
 * test_option.c - one table, read from arguments, environment and YAML, and explained.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/core/lib.h"

#include "core/option.h"
#include "core/option_yaml.h"

#include <stdio.h>
#include <unistd.h>

struct config {
    bool is_loud;
    char *name;
    uint16_t port;
    uint64_t size;
    uint32_t wait_ms;
    int colour;
    int32_t shift;
    double ratio;
    struct strato_option_list hosts;
    bool is_json;
    char *secret;
};

#define AT(field) STRATO_OPTION_AT(struct config, field)
static const struct strato_option rows[] = {
    { .name = "loud", .letter = 'l', AT(is_loud), .kind = STRATO_OPTION_FLAG, .doc = "Say more." },
    { .name = "name",
      .letter = 'n',
      AT(name),
      .kind = STRATO_OPTION_STRING,
      .value = "NAME",
      .initial = "joe",
      .doc = "Who. And why." },
    { .name = "port",
      AT(port),
      .kind = STRATO_OPTION_UINT,
      .value = "PORT",
      .initial = "7700",
      .max = 65535,
      .doc = "Base port." },
    { .name = "max-size",
      AT(size),
      .kind = STRATO_OPTION_SIZE,
      .value = "SIZE",
      .initial = "10MiB",
      .min = 1024,
      .max = 64 << 20,
      .doc = "Largest message." },
    { .name = "wait",
      AT(wait_ms),
      .kind = STRATO_OPTION_DURATION,
      .value = "TIME",
      .initial = "5s",
      .doc = "How long." },
    { .name = "colour",
      AT(colour),
      .kind = STRATO_OPTION_ENUM,
      .value = "WHEN",
      .initial = "auto",
      .choices = "auto|always|never",
      .doc = "When to use colour." },
    { .name = "shift", AT(shift), .kind = STRATO_OPTION_INT, .value = "N", .initial = "-2", .doc = "Shift." },
    { .name = "ratio", AT(ratio), .kind = STRATO_OPTION_DOUBLE, .value = "R", .initial = "0.5", .doc = "Ratio." },
    { .name = "host", AT(hosts), .kind = STRATO_OPTION_LIST, .value = "HOST", .initial = "127.0.0.1", .doc = "Hosts." },
    { .name = "secret",
      AT(secret),
      .kind = STRATO_OPTION_STRING,
      .value = "S",
      .is = STRATO_OPTION_NO_FLAG,
      .doc = "Password." },
};
static const struct strato_option common_rows[] = {
    { .name = "json", AT(is_json), .kind = STRATO_OPTION_FLAG, .doc = "JSON." },
};
static const struct strato_program_example examples[] = { { "probe --loud", "Loudly." },
                                                          { "probe -n ann x", "As ann." } };
static const struct strato_program program = {
    .name = "probe",
    .summary = "try the table",
    .operands = "FILE...",
    .doc = "First.\n\nSecond.",
    .environment = "PROBE_",
    STRATO_PROGRAM_OPTIONS(rows),
    STRATO_PROGRAM_COMMON(common_rows),
    STRATO_PROGRAM_EXAMPLES(examples),
    .exits = "0\tok\n1\tfailed",
};
static const struct strato_program *const verbs[] = { &program };
static const struct strato_program tool = { .name = "tool",
                                            .summary = "verbs",
                                            STRATO_PROGRAM_COMMON(common_rows),
                                            STRATO_PROGRAM_VERBS(verbs),
                                            STRATO_PROGRAM_EXAMPLES(examples) };

struct fixture {
    struct config config;
    struct strato_options o;
    struct strato_option_error e;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    *state = f;
    return strato_options_open(&f->o, &program, &f->config, sizeof f->config);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    strato_options_fini(&f->o);
    free(f);
    return 0;
}

static int parse(struct fixture *f, const char *line)
{
    static char copy[512];
    char *argv[32] = { (char *)"probe" };
    int argc = 1;

    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    return strato_options_arguments(&f->o, argc, argv, &f->e);
}

static void defaults_are_parsed_like_any_value(void **state)
{
    struct fixture *f = *state;

    assert_false(f->config.is_loud);
    assert_string_equal(f->config.name, "joe");
    assert_int_equal(f->config.port, 7700);
    assert_int_equal(f->config.size, 10 << 20);
    assert_int_equal(f->config.wait_ms, 5000);
    assert_int_equal(f->config.shift, -2);
    assert_true(f->config.ratio == 0.5);
    assert_int_equal(f->config.hosts.count, 1);
}

static void arguments_take_every_spelling(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(parse(f, "-ln ann --max_size=2MiB one --wait 250ms --colour=never --json --shift -7 -- --two"), 0);
    assert_true(f->config.is_loud);
    assert_true(f->config.is_json);
    assert_string_equal(f->config.name, "ann");
    assert_int_equal(f->config.size, 2 << 20);
    assert_int_equal(f->config.wait_ms, 250);
    assert_int_equal(f->config.colour, 2);
    assert_int_equal(f->config.shift, -7);
    assert_int_equal(f->o.operands_count, 2);
    assert_string_equal(f->o.operands[0], "one");
    assert_string_equal(f->o.operands[1], "--two");
}

static void a_flag_can_be_denied(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(parse(f, "--loud --no-loud"), 0);
    assert_false(f->config.is_loud);
}

static void a_repeated_list_grows_and_replaces_the_default(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(parse(f, "--host a,b --host c"), 0);
    assert_int_equal(f->config.hosts.count, 3);
    assert_string_equal(f->config.hosts.items[2], "c");
}

static void an_unknown_option_names_the_nearest(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(parse(f, "--max-sise 3"), STRATO_EINVAL);
    assert_non_null(strstr(f->e.text, "did you mean --max-size?"));
    assert_int_equal(parse(f, "--qqqqqqqq"), STRATO_EINVAL);
    assert_non_null(strstr(f->e.text, "--help"));
    assert_int_equal(parse(f, "-x"), STRATO_EINVAL);
    assert_int_equal(parse(f, "--secret s3"), STRATO_EINVAL); /* secrets never in flags */
}

static void a_wrong_value_says_what_is_wanted(void **state)
{
    static const char *const wrong[][2] = {
        { "--port 65536", "from 0 to 65535" },
        { "--port x", "whole number" },
        { "--port 1.5", "whole number" },
        { "--port -1", "whole number" },
        { "--max-size 1023", "from 1KiB to 64MiB" },
        { "--max-size 65MiB", "64MiB" },
        { "--max-size 1e3", "size" },
        { "--wait 5y", "duration" },
        { "--colour maybe", "auto|always|never" },
        { "--loud=perhaps", "yes or no" },
        { "--ratio x", "a number" },
        { "--port", "wants a value" },
        { "--port 99999999999999999999", "whole number" },
        { "--wait 50000000000000000000d", "duration" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(parse(f, wrong[i][0]), STRATO_EINVAL);
        if (!strstr(f->e.text, wrong[i][1]))
            fail_msg("%s: %s", wrong[i][0], f->e.text);
    }
    assert_int_equal(f->config.port, 7700); /* a refused value changes nothing */
}

static void the_higher_source_wins_whatever_the_order(void **state)
{
    struct fixture *f = *state;
    const char *place;

    setenv("PROBE_PORT", "3", 1);
    assert_int_equal(parse(f, "--port 4"), 0);
    assert_int_equal(strato_options_environment(&f->o, &f->e), 0);
    assert_int_equal(strato_options_set(&f->o, "port", "2", STRATO_ORIGIN_FILE, "f:1:1", &f->e), 0);
    unsetenv("PROBE_PORT");
    assert_int_equal(f->config.port, 4);
    assert_int_equal(strato_options_origin(&f->o, "port", &place), STRATO_ORIGIN_FLAG);
    assert_int_equal(strato_options_set(&f->o, "wait", "1s", STRATO_ORIGIN_FILE, "f:2:1", &f->e), 0);
    assert_int_equal(strato_options_origin(&f->o, "wait", &place), STRATO_ORIGIN_FILE);
    assert_string_equal(place, "f:2:1");
}

static void a_wrong_value_in_a_lower_source_is_still_told(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(parse(f, "--port 4"), 0);
    assert_int_equal(strato_options_set(&f->o, "port", "x", STRATO_ORIGIN_FILE, "f:1:1", &f->e), STRATO_EINVAL);
    assert_non_null(strstr(f->e.text, "f:1:1: port wants"));
}

static void the_environment_is_judged_too(void **state)
{
    struct fixture *f = *state;

    setenv("PROBE_MAX_SIZE", "huge", 1);
    assert_int_equal(strato_options_environment(&f->o, &f->e), STRATO_EINVAL);
    unsetenv("PROBE_MAX_SIZE");
    assert_non_null(strstr(f->e.text, "PROBE_MAX_SIZE wants a size"));
}

static void operands_are_counted(void **state)
{
    struct config config;
    struct strato_options o;
    struct strato_option_error e;
    struct strato_program two = program;
    char *argv[] = { (char *)"probe", (char *)"a", (char *)"b", (char *)"c" };

    (void)state;
    two.operands_min = 1;
    two.operands_max = 2;
    assert_int_equal(strato_options_open(&o, &two, &config, sizeof config), 0);
    assert_int_equal(strato_options_arguments(&o, 1, argv, &e), STRATO_EINVAL);
    assert_int_equal(strato_options_arguments(&o, 3, argv, &e), 0);
    assert_int_equal(strato_options_arguments(&o, 4, argv, &e), STRATO_EINVAL);
    assert_non_null(strstr(e.text, "unexpected \"c\""));
    strato_options_fini(&o);
}

static void a_verb_ends_the_options(void **state)
{
    struct config config;
    struct strato_options o;
    struct strato_option_error e;
    char *argv[] = { (char *)"tool", (char *)"--json", (char *)"probe", (char *)"--loud" };

    (void)state;
    assert_int_equal(strato_options_open(&o, &tool, &config, sizeof config), 0);
    assert_int_equal(strato_options_arguments(&o, 4, argv, &e), 0);
    assert_true(config.is_json);
    assert_int_equal(o.operands_count, 2);
    assert_string_equal(o.operands[1], "--loud");
    strato_options_fini(&o);
}

static char *shown(const struct strato_options *o)
{
    char *text = NULL;
    size_t bytes;
    FILE *to = open_memstream(&text, &bytes);

    strato_options_show(o, to);
    fclose(to);
    return text;
}

static void help_and_its_like_come_from_the_table(void **state)
{
    static const char *const asked[][2] = {
        { "--help", "--max-size SIZE" },
        { "-h", "PROBE_LOG_LEVEL" },
        { "--version", "probe " },
        { "--dump-man", ".It Fl \\-max-size" },
        { "--dump-reference", "`PROBE_MAX_SIZE`" },
        { "--dump-completion=bash", "--max-size" },
        { "--dump-completion zsh", "--max-size=[" },
        { "--dump-completion fish", "-l max-size" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        char *text;

        assert_int_equal(parse(f, asked[i][0]), 1);
        text = shown(&f->o);
        if (!strstr(text, asked[i][1]))
            fail_msg("%s lacks %s: %s", asked[i][0], asked[i][1], text);
        free(text);
    }
}

static void help_has_both_examples(void **state)
{
    struct fixture *f = *state;
    char *text;

    assert_int_equal(parse(f, "--help"), 1);
    text = shown(&f->o);
    assert_non_null(strstr(text, "probe --loud"));
    assert_non_null(strstr(text, "probe -n ann x"));
    assert_null(strstr(text, "--secret"));
    free(text);
}

/* ---- YAML ---- */

static int read_yaml(struct fixture *f, const char *text)
{
    char path[] = "/tmp/strato-option-XXXXXX";
    int fd = mkstemp(path);
    int rc;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    rc = strato_options_yaml(&f->o, path, NULL, NULL, NULL, &f->e);
    unlink(path);
    return rc;
}

static void yaml_sets_every_kind(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        read_yaml(f, "loud: yes\nmax_size: 1MiB\nwait: 2m\nhost: [a, b]\ncolour: always\nname: \"x y\"\nsecret: s3\n"),
        0);
    assert_true(f->config.is_loud);
    assert_int_equal(f->config.size, 1 << 20);
    assert_int_equal(f->config.wait_ms, 120000);
    assert_int_equal(f->config.hosts.count, 2);
    assert_string_equal(f->config.name, "x y");
    assert_string_equal(f->config.secret, "s3");
}

static void yaml_complaints_have_line_and_column(void **state)
{
    static const char *const wrong[][2] = {
        { "loud: yes\nmax_sise: 3\n", ":2:1: unknown key \"max_sise\" (did you mean max_size?)" },
        { "port: many\n", ":1:7: port wants a whole number" },
        { "port: 1\nport: 2\n", ":2:1: key \"port\" stands twice" },
        { "port: [1]\n", ":1:7: port wants a plain value" },
        { "- a\n", ":1:1: the file must be a map" },
        { "port: 1\n---\nport: 2\n", "a second document" },
        { "port: {\n", "not valid YAML" },
        { "a: \"b\n", "not valid YAML" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(read_yaml(f, wrong[i][0]), STRATO_ECONFIG);
        if (!strstr(f->e.text, wrong[i][1]))
            fail_msg("%s lacks %s", f->e.text, wrong[i][1]);
    }
}

static void an_empty_file_sets_nothing(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_yaml(f, ""), 0);
    assert_int_equal(read_yaml(f, "# only a comment\n"), 0);
    assert_int_equal(f->config.port, 7700);
}

static void quantities_round_trip(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } sizes[] = { { "0", 0 },
                  { "1B", 1 },
                  { "64KiB", 65536 },
                  { "1.5MiB", 1572864 },
                  { "2GB", 2000000000 },
                  { "16M", 16 << 20 },
                  { "18446744073709551615", UINT64_MAX } };
    uint64_t v;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(strato_size_parse(sizes[i].text, &v), 0);
        assert_true(v == sizes[i].bytes);
    }
    assert_int_equal(strato_size_parse("18446744073709551616", &v), STRATO_EINVAL);
    assert_int_equal(strato_size_parse("17179869184GiB", &v), STRATO_EINVAL);
    assert_int_equal(strato_size_parse("", &v), STRATO_EINVAL);
    assert_int_equal(strato_size_parse(" 1", &v), STRATO_EINVAL);
    assert_int_equal(strato_size_parse("1..2", &v), STRATO_EINVAL);
    assert_int_equal(strato_duration_parse("1.5s", &v), 0);
    assert_true(v == 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_are_parsed_like_any_value, setup, teardown),
        cmocka_unit_test_setup_teardown(arguments_take_every_spelling, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flag_can_be_denied, setup, teardown),
        cmocka_unit_test_setup_teardown(a_repeated_list_grows_and_replaces_the_default, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_option_names_the_nearest, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_value_says_what_is_wanted, setup, teardown),
        cmocka_unit_test_setup_teardown(the_higher_source_wins_whatever_the_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_value_in_a_lower_source_is_still_told, setup, teardown),
        cmocka_unit_test_setup_teardown(the_environment_is_judged_too, setup, teardown),
        cmocka_unit_test(operands_are_counted),
        cmocka_unit_test(a_verb_ends_the_options),
        cmocka_unit_test_setup_teardown(help_and_its_like_come_from_the_table, setup, teardown),
        cmocka_unit_test_setup_teardown(help_has_both_examples, setup, teardown),
        cmocka_unit_test_setup_teardown(yaml_sets_every_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(yaml_complaints_have_line_and_column, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_file_sets_nothing, setup, teardown),
        cmocka_unit_test(quantities_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
