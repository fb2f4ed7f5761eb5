/*
 * test_sqlite.c - what a file on a disk can suffer: damage, a second broker, another version, no space, kill -9.
 *
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "broker/store/sqlite.h"
#include "tests/lib/folder.h"
#include "tests/unit/broker/store/rows.h"

struct place {
    char dir[FOLDER_BYTES_MAX], file[FOLDER_BYTES_MAX + 32];
    char detail[512];
};

static void begin(struct place *p)
{
    folder_make(p->dir);
    snprintf(p->file, sizeof(p->file), "%s/" STORE_SQLITE_FILE, p->dir);
}

static int try_open(struct place *p, struct store **ret_store)
{
    p->detail[0] = '\0';
    return store_sqlite_open(p->dir, NULL, ret_store, p->detail, sizeof(p->detail));
}

static struct store *open_at(struct place *p)
{
    struct store *store = NULL;

    if (try_open(p, &store) < 0)
        fail_msg("%s", p->detail);
    return store;
}

/* So many messages of channel 1, closed again. */
static void fill(struct place *p, uint64_t count)
{
    struct store *store = open_at(p);
    struct rows rows = { 0 };

    rows_put(&rows, JOURNAL_CHANNELS, 1, 0, "name");
    for (uint64_t seq = 1; seq <= count; seq++)
        rows_put(&rows, JOURNAL_MESSAGES, 1, seq, "a message of some length, so that a page holds only a few of them");
    assert_int_equal(rows_commit(&rows, store), 0);
    store_close(&store);
}

static void sql(struct place *p, const char *text)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(p->file, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text, sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void overwrite(const char *file, long at, size_t bytes)
{
    FILE *f = fopen(file, "r+b");

    assert_non_null(f);
    assert_int_equal(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    for (size_t i = 0; i < bytes; i++)
        fputc(0x5a, f);
    assert_int_equal(fclose(f), 0);
}

static unsigned files_named(const char *dir, const char *head)
{
    char command[FOLDER_BYTES_MAX + 64], line[16] = "";
    FILE *out;

    snprintf(command, sizeof(command), "ls %s | grep -c '^%s'", dir, head);
    out = popen(command, "r");
    assert_non_null(out);
    assert_non_null(fgets(line, sizeof(line), out));
    pclose(out);
    return (unsigned)atoi(line);
}

static void a_changed_value_is_set_aside_and_said(void **state)
{
    struct place p;
    struct store *store;
    struct store_findings found;
    char *text;

    (void)state;
    begin(&p);
    fill(&p, 3);
    sql(&p, "UPDATE messages SET value = x'00' WHERE id & 140737488355327 = 2");

    store = open_at(&p);
    text = rows_scan(store, &found);
    assert_null(strstr(text, "2/1/2="));
    assert_non_null(strstr(text, "2/1/3="));
    assert_int_equal(found.rows_quarantined, 1);
    assert_non_null(strstr(found.detail, "messages, channel number 1, key 2"));
    free(text);
    text = rows_scan(store, &found); /* once is enough */
    assert_int_equal(found.rows_quarantined, 0);
    free(text);
    store_close(&store);
    sql(&p, "DELETE FROM quarantine WHERE name = 'messages' AND channel = 1 AND key = 2 AND value = x'00'");
    folder_remove(p.dir);
}

static void a_row_in_a_wrong_place_is_set_aside(void **state)
{
    struct place p;
    struct store *store;
    struct store_findings found;

    (void)state;
    begin(&p);
    fill(&p, 1);
    sql(&p, "INSERT INTO attempts SELECT * FROM messages");

    store = open_at(&p);
    free(rows_scan(store, &found));
    assert_int_equal(found.rows_quarantined, 1);
    store_close(&store);
    folder_remove(p.dir);
}

/* A file that is damaged is moved aside whole, wherever the damage is, or its rows are found wrong: never believed. */
static void damage_anywhere_is_found(void **state)
{
    static const long places[] = { 0, 16, 100, 4096 + 5, 10 * 4096 + 500, -2000 };

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct place p;
        struct store *store;
        struct store_findings found;

        begin(&p);
        fill(&p, 500);
        overwrite(p.file, places[i], 1000);

        store = open_at(&p);
        free(rows_scan(store, &found));
        if (!found.is_file_quarantined && found.rows_quarantined == 0)
            fail_msg("damage at %ld was not found", places[i]);
        assert_string_not_equal(found.detail, "");
        if (found.is_file_quarantined)
            assert_int_equal(files_named(p.dir, "damaged-"), 1);
        store_close(&store);
        folder_remove(p.dir);
    }
}

static void a_cut_file_is_moved_aside_and_a_new_one_works(void **state)
{
    struct place p;
    struct store *store;
    struct store_findings found;
    struct rows rows = { 0 };

    (void)state;
    begin(&p);
    fill(&p, 500);
    assert_int_equal(truncate(p.file, 3 * 4096 + 100), 0);

    store = open_at(&p);
    free(rows_scan(store, &found));
    assert_true(found.is_file_quarantined);
    rows_put(&rows, JOURNAL_IDS, 1, 1, "new");
    assert_int_equal(rows_commit(&rows, store), 0);
    rows_are(store, "5/1/1=new");
    store_close(&store);
    assert_int_equal(truncate(p.file, 5000), 0); /* and once more: the first one is not overwritten */
    store = open_at(&p);
    store_close(&store);
    assert_int_equal(files_named(p.dir, "damaged-"), 2);
    folder_remove(p.dir);
}

static void a_second_broker_is_refused_by_name(void **state)
{
    struct place p;
    struct store *store, *second = NULL;

    (void)state;
    begin(&p);
    store = open_at(&p);

    assert_int_equal(try_open(&p, &second), STRATO_ESTORE);
    assert_non_null(strstr(p.detail, "another broker"));
    store_close(&store);
    store = open_at(&p);
    store_close(&store);
    folder_remove(p.dir);
}

static void another_version_is_refused_and_left_alone(void **state)
{
    struct place p;
    struct store *store = NULL;

    (void)state;
    begin(&p);
    fill(&p, 1);
    sql(&p, "PRAGMA user_version = 99");
    assert_int_equal(try_open(&p, &store), STRATO_ESTORE);
    assert_non_null(strstr(p.detail, "version 99"));
    sql(&p, "PRAGMA user_version = 1; PRAGMA application_id = 7");
    assert_int_equal(try_open(&p, &store), STRATO_ESTORE);
    assert_non_null(strstr(p.detail, "another program"));
    assert_int_equal(files_named(p.dir, STORE_SQLITE_FILE), 1);
    folder_remove(p.dir);
}

static void a_folder_that_cannot_be_used_is_an_error_with_its_cause(void **state)
{
    struct place p;
    struct store *store = NULL;

    (void)state;
    begin(&p);
    fill(&p, 1);
    strcat(p.dir, "/" STORE_SQLITE_FILE); /* a file, not a folder */
    assert_int_equal(try_open(&p, &store), STRATO_ESTORE);
    assert_string_not_equal(p.detail, "");
    p.dir[strlen(p.dir) - strlen("/" STORE_SQLITE_FILE)] = '\0';
    folder_remove(p.dir);
}

static void of_a_commit_for_which_there_is_no_space_nothing_is_applied(void **state)
{
    struct place p;
    struct store *store;
    struct store_findings found;
    struct rows rows = { 0 };
    struct strato_bytes batch;
    char *text;

    (void)state;
    begin(&p);
    fill(&p, 1);
    sql(&p, "CREATE TRIGGER full BEFORE INSERT ON ids WHEN NEW.key = 7 BEGIN SELECT raise(ABORT, 'no space'); END");
    store = open_at(&p);
    rows_put(&rows, JOURNAL_IDS, 1, 1, "x");
    rows_put(&rows, JOURNAL_IDS, 1, 7, "x");
    batch = strato_writer_view(&rows.w);
    assert_int_equal(store_commit(store, &batch, 1), STRATO_ESTORE);
    assert_non_null(strstr(store_error(store), "no space"));
    text = rows_scan(store, &found);
    assert_null(strstr(text, "5/1/1"));
    free(text);
    strato_writer_fini(&rows.w);
    rows_put(&rows, JOURNAL_IDS, 1, 8, "y");
    assert_int_equal(rows_commit(&rows, store), 0);
    store_close(&store);
    folder_remove(p.dir);
}

/* ---- kill -9 ---- */

/* Commits batch after batch: two rows that belong together each, and the one before taken back. */
static void commit_for_ever(const char *dir, int told)
{
    struct store *store = NULL;
    char detail[512];

    if (store_sqlite_open(dir, NULL, &store, detail, sizeof(detail)) < 0)
        _exit(3);
    for (uint64_t n = 1;; n++) {
        struct rows rows = { 0 };

        rows_put(&rows, JOURNAL_MESSAGES, 1, n, "a");
        rows_put(&rows, JOURNAL_DEADLETTERS, 1, n, "b");
        if (n > 50)
            rows_delete(&rows, JOURNAL_MESSAGES, 1, n - 50);
        if (rows_commit(&rows, store) < 0 || write(told, &n, sizeof(n)) != sizeof(n))
            _exit(4);
    }
}

static uint64_t kill_after(struct place *p, uint64_t commits)
{
    int pipes[2], status;
    uint64_t n = 0, last = 0;
    pid_t child;

    assert_int_equal(pipe(pipes), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        commit_for_ever(p->dir, pipes[1]);
    close(pipes[1]);
    while (last < commits && read(pipes[0], &n, sizeof(n)) == sizeof(n))
        last = n;
    kill(child, SIGKILL);
    while (read(pipes[0], &n, sizeof(n)) == sizeof(n)) /* what it had said before it died */
        last = n;
    close(pipes[0]);
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    return last;
}

struct seen {
    uint64_t messages, dead, last;
};

static int count_row(void *arg, const struct journal_entry *row)
{
    struct seen *seen = arg;

    if (row->table == JOURNAL_MESSAGES) {
        seen->messages++;
        seen->last = row->key;
    } else {
        seen->dead++;
    }
    return 0;
}

static void after_kill_nine_every_confirmed_commit_is_there_whole(void **state)
{
    (void)state;
    for (uint64_t commits = 1; commits < 400; commits = commits * 3 + 1) {
        struct place p;
        struct store *store;
        struct store_findings found;
        struct seen seen = { 0 };
        uint64_t confirmed;

        begin(&p);
        confirmed = kill_after(&p, commits);
        store = open_at(&p);
        assert_int_equal(store_scan(store, count_row, &seen, &found), 0);
        assert_true(found.was_recovered);
        assert_true(seen.last >= confirmed && seen.last <= confirmed + 1);
        assert_int_equal(seen.dead, seen.last);
        assert_int_equal(seen.messages, seen.last < 50 ? seen.last : 50);
        assert_int_equal(found.rows_quarantined, 0);
        store_close(&store);
        folder_remove(p.dir);
    }
}

static void a_torn_tail_of_the_log_is_dropped(void **state)
{
    struct place p;
    struct store *store;
    struct store_findings found;
    struct seen seen = { 0 };
    char wal[FOLDER_BYTES_MAX + 40];
    struct stat st;
    uint64_t confirmed;

    (void)state;
    begin(&p);
    confirmed = kill_after(&p, 30);
    snprintf(wal, sizeof(wal), "%s-wal", p.file);
    assert_int_equal(stat(wal, &st), 0);
    assert_int_equal(truncate(wal, st.st_size - 100), 0);
    store = open_at(&p);
    assert_int_equal(store_scan(store, count_row, &seen, &found), 0);
    assert_int_equal(seen.dead, seen.last); /* whole commits only */
    assert_true(seen.last + 1 >= confirmed);
    store_close(&store);
    folder_remove(p.dir);
}

/* ---- the check ---- */

struct lines {
    unsigned count;
    char last[160];
};

static void take_line(void *arg, const char *line)
{
    struct lines *lines = arg;

    lines->count++;
    snprintf(lines->last, sizeof(lines->last), "%s", line);
}

static int check(struct place *p, struct store_check *ret_check, struct lines *lines)
{
    *lines = (struct lines){ 0 };
    return store_sqlite_check(p->dir, take_line, lines, ret_check, p->detail, sizeof(p->detail));
}

static void the_check_counts_rows_and_finds_nothing_wrong(void **state)
{
    struct place p;
    struct store_check found;
    struct lines lines;

    (void)state;
    begin(&p);
    fill(&p, 20);
    if (check(&p, &found, &lines) < 0)
        fail_msg("%s", p.detail);
    assert_int_equal(found.rows[JOURNAL_MESSAGES], 20);
    assert_int_equal(found.rows[JOURNAL_CHANNELS], 1);
    assert_int_equal(found.version, 1);
    assert_true(found.is_sound);
    assert_int_equal(found.rows_bad + lines.count, 0);
    folder_remove(p.dir);
}

static void the_check_reads_the_log_of_a_killed_broker_and_changes_nothing(void **state)
{
    struct place p;
    struct store_check found;
    struct lines lines;
    char wal[FOLDER_BYTES_MAX + 40];
    struct stat before, after;
    uint64_t confirmed;

    (void)state;
    begin(&p);
    confirmed = kill_after(&p, 20);
    snprintf(wal, sizeof(wal), "%s-wal", p.file);
    assert_int_equal(stat(wal, &before), 0);
    if (check(&p, &found, &lines) < 0)
        fail_msg("%s", p.detail);
    assert_true(found.rows[JOURNAL_DEADLETTERS] >= confirmed);
    assert_int_equal(stat(wal, &after), 0);
    assert_true(after.st_size == before.st_size);
    folder_remove(p.dir);
}

static void the_check_names_what_is_wrong(void **state)
{
    struct place p;
    struct store_check found;
    struct lines lines;

    (void)state;
    begin(&p);
    fill(&p, 200);
    sql(&p, "UPDATE messages SET value = x'00' WHERE id & 140737488355327 > 50");
    assert_int_equal(check(&p, &found, &lines), 0);
    assert_int_equal(found.rows_bad, 150);
    assert_int_equal(lines.count, 101); /* 100 and a last one that says that there are more */
    overwrite(p.file, 4096 + 1, 2000);
    (void)check(&p, &found, &lines);
    assert_false(found.is_sound);
    folder_remove(p.dir);
}

static void the_check_of_nothing_or_of_one_in_use_says_so(void **state)
{
    struct place p;
    struct store *store;
    struct store_check found;
    struct lines lines;

    (void)state;
    begin(&p);
    assert_int_equal(check(&p, &found, &lines), STRATO_ESTORE);
    assert_string_not_equal(p.detail, "");
    store = open_at(&p);
    assert_int_equal(check(&p, &found, &lines), STRATO_ESTORE);
    assert_non_null(strstr(p.detail, "stop it first"));
    store_close(&store);
    folder_remove(p.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_value_is_set_aside_and_said),
        cmocka_unit_test(a_row_in_a_wrong_place_is_set_aside),
        cmocka_unit_test(damage_anywhere_is_found),
        cmocka_unit_test(a_cut_file_is_moved_aside_and_a_new_one_works),
        cmocka_unit_test(a_second_broker_is_refused_by_name),
        cmocka_unit_test(another_version_is_refused_and_left_alone),
        cmocka_unit_test(a_folder_that_cannot_be_used_is_an_error_with_its_cause),
        cmocka_unit_test(of_a_commit_for_which_there_is_no_space_nothing_is_applied),
        cmocka_unit_test(after_kill_nine_every_confirmed_commit_is_there_whole),
        cmocka_unit_test(a_torn_tail_of_the_log_is_dropped),
        cmocka_unit_test(the_check_counts_rows_and_finds_nothing_wrong),
        cmocka_unit_test(the_check_reads_the_log_of_a_killed_broker_and_changes_nothing),
        cmocka_unit_test(the_check_names_what_is_wrong),
        cmocka_unit_test(the_check_of_nothing_or_of_one_in_use_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
