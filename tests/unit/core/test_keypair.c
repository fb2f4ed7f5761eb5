/*
 * test_keypair.c - keys as text, and the file of one pair.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/core/lib.h"

#include "core/keypair.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The pair of ZeroMQ RFC 26's test vectors. */
#define PUBLIC "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define SECRET "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"

static int parse(const char *text, struct strato_keypair *pair, char *detail)
{
    detail[0] = '\0';
    return strato_keypair_parse(strato_text(text), pair, detail, 256);
}

static void a_key_survives_the_way_through_text(void **state)
{
    static const uint8_t head[] = { 0xBB, 0x88, 0x47, 0x1D, 0x65, 0xE2, 0x65, 0x9B };
    uint8_t key[STRATO_KEY_BYTES];
    char text[STRATO_KEY_CHARS + 1];

    (void)state;
    assert_true(strato_key_parse(strato_text(PUBLIC), key));
    assert_memory_equal(key, head, sizeof head);
    strato_key_print(key, text);
    assert_string_equal(text, PUBLIC);
}

static void what_is_no_key_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hI",
        PUBLIC "0",
        "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{h'D", /* a quote */
        "#####e@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{", /* 5 digits above 2^32 */
        "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{\377ID"
    }; /* octal: a hex escape would eat the D */
    uint8_t key[STRATO_KEY_BYTES] = { 7 };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(strato_key_parse(strato_text(bad[i]), key));
    assert_false(strato_key_parse(strato_bytes("0\0" PUBLIC, 40), key));
    assert_int_equal(key[0], 7);
}

static void a_pair_is_read_as_it_is_printed(void **state)
{
    struct strato_keypair pair, again;
    char detail[256], text[STRATO_KEYPAIR_TEXT_BYTES];
    size_t bytes;

    (void)state;
    assert_int_equal(parse("# mine\nname: trainer\r\n public: '" PUBLIC "' \nsecret: \"" SECRET "\"", &pair, detail),
                     0);
    assert_true(pair.has_secret);
    bytes = strato_keypair_print(&pair, text);
    assert_int_equal(strlen(text), bytes);
    assert_int_equal(parse(text, &again, detail), 0);
    assert_memory_equal(&pair, &again, sizeof pair);
    assert_int_equal(parse("public: " PUBLIC, &pair, detail), 0);
    assert_false(pair.has_secret);
}

static void a_broken_file_names_the_line(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "name: a\npublic: 'x'", "line 2: a key is 40 characters" },
        { "name: local\n", "line 1: a name has" },
        { "name: a b\n", "line 1: a name has" },
        { "name: a\nname: b", "line 2: it stands twice" },
        { "name: a\n\nsecrets: x", "line 3: not one of" },
        { "name: a\nhello", "line 2: not \"name: value\"" },
        { "name: a\n", "public: is missing" },
        { "", "public: is missing" },
    };
    struct strato_keypair pair;
    char detail[256];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse(cases[i].text, &pair, detail), STRATO_ECONFIG);
        assert_non_null(strstr(detail, cases[i].says));
    }
}

static void a_name_has_64_bytes_and_not_one_more(void **state)
{
    char name[66];

    (void)state;
    memset(name, 'n', sizeof name);
    assert_true(strato_key_name_is_good(strato_bytes(name, 64)));
    assert_false(strato_key_name_is_good(strato_bytes(name, 65)));
    assert_false(strato_key_name_is_good(strato_text("a/b")));
    assert_false(strato_key_name_is_good(strato_text("local")));
}

static int read_as(const char *text, size_t bytes, mode_t mode, bool wants_secret, char *detail)
{
    char path[] = "/tmp/strato-key-XXXXXX";
    struct strato_keypair pair;
    int fd = mkstemp(path), rc;

    assert_int_equal(write(fd, text, bytes), bytes);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    rc = strato_keypair_read(path, wants_secret, &pair, detail, 512);
    unlink(path);
    return rc;
}

static void a_secret_that_others_may_read_is_refused_with_the_fix(void **state)
{
    static const char text[] = "public: '" PUBLIC "'\nsecret: '" SECRET "'\n";
    char detail[512];

    (void)state;
    assert_int_equal(read_as(text, sizeof text - 1, 0600, true, detail), 0);
    assert_int_equal(read_as(text, sizeof text - 1, 0400, true, detail), 0);
    assert_int_equal(read_as(text, sizeof text - 1, 0640, true, detail), STRATO_ECONFIG);
    assert_non_null(strstr(detail, "chmod 600"));
    assert_null(strstr(detail, SECRET));
    assert_int_equal(read_as(text, sizeof text - 1, 0604, false, detail), STRATO_ECONFIG);
    assert_int_equal(read_as("public: '" PUBLIC "'\n", 51, 0644, false, detail), 0);
    assert_int_equal(read_as("public: '" PUBLIC "'\n", 51, 0644, true, detail), STRATO_ECONFIG);
    assert_non_null(strstr(detail, "public key only"));
}

static void a_file_has_4_kib_and_not_one_byte_more(void **state)
{
    char text[STRATO_KEYPAIR_FILE_BYTES_MAX + 1], detail[512];

    (void)state;
    memset(text, '\n', sizeof text);
    memcpy(text, "public: '" PUBLIC "'", 50);
    assert_int_equal(read_as(text, sizeof text - 1, 0600, false, detail), 0);
    assert_int_equal(read_as(text, sizeof text, 0600, false, detail), STRATO_ECONFIG);
    assert_non_null(strstr(detail, "longer than 4 KiB"));
}

static void what_is_no_file_is_refused(void **state)
{
    struct strato_keypair pair;
    char detail[512];

    (void)state;
    assert_int_equal(strato_keypair_read("/tmp/strato-key-absent", true, &pair, detail, sizeof detail), STRATO_ENOENT);
    assert_non_null(strstr(detail, "strato key new"));
    assert_int_equal(strato_keypair_read("/tmp", true, &pair, detail, sizeof detail), STRATO_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_survives_the_way_through_text),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(a_pair_is_read_as_it_is_printed),
        cmocka_unit_test(a_broken_file_names_the_line),
        cmocka_unit_test(a_name_has_64_bytes_and_not_one_more),
        cmocka_unit_test(a_secret_that_others_may_read_is_refused_with_the_fix),
        cmocka_unit_test(a_file_has_4_kib_and_not_one_byte_more),
        cmocka_unit_test(what_is_no_file_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
