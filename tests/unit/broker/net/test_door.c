/*
 * test_door.c - who has to go when too many stand at the door.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/core/lib.h"

#include "broker/net/door.h"

enum { OPEN_MAX = 6, MUTE_MAX = 3, SILENT_MS = 30000, LATER = NET_DOOR_MUTE_MS };

static bool has_begun[64];

static bool is_mute(int fd)
{
    return !has_begun[fd];
}

static int setup(void **state)
{
    const struct net_door_limits limits = {
        .open = OPEN_MAX, .mute = MUTE_MAX, .silent_ms = SILENT_MS, .is_mute = is_mute
    };
    struct net_door *door = malloc(sizeof *door);

    memset(has_begun, 0, sizeof has_begun);
    net_door_init(door, &limits);
    *state = door;
    return 0;
}

static int teardown(void **state)
{
    net_door_fini(*state);
    free(*state);
    return 0;
}

static void fill(struct net_door *door, int count, uint64_t now_ms)
{
    for (int fd = 10; fd < 10 + count; fd++)
        assert_int_equal(net_door_came(door, 0, fd, true, now_ms), NET_DOOR_NOBODY);
}

static void one_mute_too_many_ends_the_oldest(void **state)
{
    struct net_door *door = *state;

    fill(door, MUTE_MAX, 0);
    assert_int_equal(net_door_came(door, 0, 20, true, LATER), 10);
    net_door_left(door, 0, 10);
    assert_int_equal(door->silent[NET_DOOR_MUTE], MUTE_MAX);
    net_door_spoke(door, 11); /* a real client: nobody's room is needed */
    assert_int_equal(net_door_came(door, 0, 21, true, LATER), NET_DOOR_NOBODY);
    assert_int_equal(net_door_came(door, 0, 22, true, LATER), 12);
}

static void who_has_begun_never_goes_for_another(void **state)
{
    struct net_door *door = *state;

    fill(door, MUTE_MAX, 0);
    has_begun[10] = has_begun[11] = true;
    assert_int_equal(net_door_came(door, 0, 20, true, LATER), 12); /* the first two are shaking hands */
    net_door_left(door, 0, 12);
    assert_int_equal(door->silent[NET_DOOR_BEGUN], 2);
    assert_int_equal(door->silent[NET_DOOR_MUTE], 1);
    net_door_spoke(door, 10);
    assert_int_equal(net_door_silent(door), 2);
}

static void a_greeting_has_its_time_to_arrive(void **state)
{
    struct net_door *door = *state;

    fill(door, MUTE_MAX, 100);
    assert_int_equal(net_door_came(door, 0, 20, true, 100 + LATER - 1), NET_DOOR_NOBODY);
    assert_int_equal(net_door_came(door, 0, 21, true, 100 + LATER), 10);
}

static void beyond_all_connections_a_mute_one_goes_or_else_the_newcomer(void **state)
{
    struct net_door *door = *state;

    assert_int_equal(net_door_came(door, 0, 30, true, 0), NET_DOOR_NOBODY);
    for (int fd = 10; fd < 15; fd++)
        assert_int_equal(net_door_came(door, 1, fd, false, 0), NET_DOOR_NOBODY);
    assert_int_equal(door->open, OPEN_MAX);
    assert_int_equal(net_door_came(door, 1, 16, false, LATER - 1), 16);
    net_door_left(door, 1, 16);
    assert_int_equal(net_door_came(door, 1, 17, false, LATER), 30);
    net_door_left(door, 0, 30);
    assert_int_equal(net_door_came(door, 0, 18, true, LATER), 18);
    net_door_left(door, 0, 18);
    assert_int_equal(door->open, OPEN_MAX);
    net_door_left(door, 1, 10);
    assert_int_equal(net_door_came(door, 0, 19, true, LATER), NET_DOOR_NOBODY);
}

static void silence_ends_at_its_time_and_not_before(void **state)
{
    struct net_door *door = *state;

    assert_int_equal(net_door_next_ms(door), UINT64_MAX);
    net_door_came(door, 0, 10, true, 100);
    net_door_came(door, 0, 11, true, 200);
    net_door_came(door, 0, 12, true, 300);
    assert_int_equal(net_door_next_ms(door), 100 + SILENT_MS);
    assert_int_equal(net_door_overdue(door, 99 + SILENT_MS), NET_DOOR_NOBODY);
    assert_int_equal(net_door_overdue(door, 100 + SILENT_MS), 10);
    assert_int_equal(net_door_overdue(door, 100 + SILENT_MS), NET_DOOR_NOBODY);
    has_begun[11] = true;
    net_door_came(door, 0, 13, true, 1000);
    net_door_came(door, 0, 14, true, 1000); /* looks at 11 and ends 12 */
    assert_int_equal(net_door_overdue(door, 200 + SILENT_MS), 11);
    net_door_spoke(door, 13);
    net_door_spoke(door, 14);
    net_door_spoke(door, 12);
    assert_int_equal(net_door_next_ms(door), UINT64_MAX);
}

static void a_number_that_is_used_again_is_another_connection(void **state)
{
    struct net_door *door = *state;

    net_door_came(door, 0, 10, true, 0);
    assert_int_equal(net_door_came(door, 1, 10, false, 5), NET_DOOR_NOBODY); /* the first one's end was not told yet */
    net_door_left(door, 0, 10);                                              /* and now it is */
    assert_int_equal(door->open, 1);
    assert_int_equal(net_door_silent(door), 0);
    net_door_left(door, 1, 10);
    net_door_left(door, 1, 10);
    net_door_left(door, 1, 99999);
    net_door_spoke(door, -1);
    assert_int_equal(door->open, 0);
}

static void the_book_is_right_after_any_sequence(void **state)
{
    struct net_door *door = *state;
    bool open[64] = { false }, silent[64] = { false };
    uint8_t listener[64] = { 0 };
    uint64_t seed = 7;

    door->limits.open = 40;
    door->limits.mute = 20;
    for (uint64_t now = 0; now < 200000; now += 10) {
        int fd = (int)random_below(&seed, 64), gone;
        uint32_t opened = 0, silenced = 0;

        switch (random_below(&seed, 5)) {
        case 0:
        case 1:
            if (open[fd])
                break;
            listener[fd] = (uint8_t)random_below(&seed, 3);
            has_begun[fd] = false;
            open[fd] = true;
            gone = net_door_came(door, listener[fd], fd, listener[fd] == 0, now);
            silent[fd] = listener[fd] == 0 && gone != fd;
            if (gone != NET_DOOR_NOBODY) {
                assert_true(gone == fd || !has_begun[gone]);
                net_door_left(door, listener[gone], gone);
                open[gone] = silent[gone] = false;
            }
            break;
        case 2:
            net_door_spoke(door, fd);
            silent[fd] = false;
            break;
        case 3:
            has_begun[fd] = true;
            break;
        default:
            net_door_left(door, listener[fd], fd);
            open[fd] = silent[fd] = false;
        }
        for (int i = 0; i < 64; i++) {
            opened += open[i];
            silenced += silent[i];
        }
        assert_int_equal(door->open, opened);
        assert_int_equal(net_door_silent(door), silenced);
        assert_true(door->open <= door->limits.open);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_mute_too_many_ends_the_oldest, setup, teardown),
        cmocka_unit_test_setup_teardown(who_has_begun_never_goes_for_another, setup, teardown),
        cmocka_unit_test_setup_teardown(a_greeting_has_its_time_to_arrive, setup, teardown),
        cmocka_unit_test_setup_teardown(beyond_all_connections_a_mute_one_goes_or_else_the_newcomer, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_ends_at_its_time_and_not_before, setup, teardown),
        cmocka_unit_test_setup_teardown(a_number_that_is_used_again_is_another_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(the_book_is_right_after_any_sequence, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
