/*
 * test_door.c - who has to go when too many stand at the door.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/core/lib.h"

#include "broker/net/door.h"

enum { OPEN_MAX = 6, SILENT_MAX = 3, SILENT_MS = 1000 };

static int setup(void **state)
{
    struct net_door *door = malloc(sizeof *door);

    net_door_init(door, OPEN_MAX, SILENT_MAX, SILENT_MS);
    *state = door;
    return 0;
}

static int teardown(void **state)
{
    net_door_fini(*state);
    free(*state);
    return 0;
}

static void the_one_that_is_silent_longest_makes_room(void **state)
{
    struct net_door *door = *state;

    for (int fd = 10; fd < 13; fd++)
        assert_int_equal(net_door_came(door, 0, fd, true, 5), NET_DOOR_NOBODY);
    assert_int_equal(door->silent, SILENT_MAX);
    assert_int_equal(net_door_came(door, 0, 13, true, 6), 10);
    assert_int_equal(door->silent, SILENT_MAX);
    net_door_left(door, 0, 10);
    net_door_spoke(door, 11); /* a real client: nobody's room is needed */
    assert_int_equal(net_door_came(door, 0, 14, true, 7), NET_DOOR_NOBODY);
    assert_int_equal(net_door_came(door, 0, 15, true, 7), 12);
}

static void beyond_all_connections_the_newcomer_goes(void **state)
{
    struct net_door *door = *state;

    for (int fd = 10; fd < 16; fd++)
        assert_int_equal(net_door_came(door, 1, fd, false, 0), NET_DOOR_NOBODY);
    assert_int_equal(door->open, OPEN_MAX);
    assert_int_equal(net_door_came(door, 0, 16, true, 0), 16);
    net_door_left(door, 0, 16);
    assert_int_equal(net_door_came(door, 0, 17, true, 0), 17);
    net_door_left(door, 0, 17);
    net_door_left(door, 1, 10);
    assert_int_equal(net_door_came(door, 0, 18, true, 0), NET_DOOR_NOBODY);
}

static void silence_ends_at_its_time_and_not_before(void **state)
{
    struct net_door *door = *state;

    assert_int_equal(net_door_next_ms(door), UINT64_MAX);
    net_door_came(door, 0, 10, true, 100);
    net_door_came(door, 0, 11, true, 200);
    assert_int_equal(net_door_next_ms(door), 1100);
    assert_int_equal(net_door_overdue(door, 1099), NET_DOOR_NOBODY);
    assert_int_equal(net_door_overdue(door, 1100), 10);
    assert_int_equal(net_door_overdue(door, 1100), NET_DOOR_NOBODY);
    assert_int_equal(net_door_next_ms(door), 1200);
    net_door_spoke(door, 11);
    assert_int_equal(net_door_next_ms(door), UINT64_MAX);
    assert_int_equal(door->open, 2); /* until they are closed */
}

static void a_number_that_is_used_again_is_another_connection(void **state)
{
    struct net_door *door = *state;

    net_door_came(door, 0, 10, true, 0);
    assert_int_equal(net_door_came(door, 1, 10, false, 5), NET_DOOR_NOBODY); /* the first one's end was not told yet */
    net_door_left(door, 0, 10);                                              /* and now it is */
    assert_int_equal(door->open, 1);
    assert_int_equal(door->silent, 0);
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

    door->open_max = 40;
    door->silent_max = 20;
    for (uint64_t now = 0; now < 20000; now++) {
        int fd = (int)random_below(&seed, 64), gone;
        uint32_t opened = 0, silenced = 0;

        switch (random_below(&seed, 4)) {
        case 0:
        case 1:
            if (open[fd])
                break;
            listener[fd] = (uint8_t)random_below(&seed, 3);
            open[fd] = true;
            gone = net_door_came(door, listener[fd], fd, listener[fd] == 0, now);
            silent[fd] = listener[fd] == 0 && gone != fd;
            if (gone != NET_DOOR_NOBODY) {
                net_door_left(door, listener[gone], gone);
                open[gone] = silent[gone] = false;
            }
            break;
        case 2:
            net_door_spoke(door, fd);
            silent[fd] = false;
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
        assert_int_equal(door->silent, silenced);
        assert_true(door->open <= door->open_max && door->silent <= door->silent_max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_one_that_is_silent_longest_makes_room, setup, teardown),
        cmocka_unit_test_setup_teardown(beyond_all_connections_the_newcomer_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_ends_at_its_time_and_not_before, setup, teardown),
        cmocka_unit_test_setup_teardown(a_number_that_is_used_again_is_another_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(the_book_is_right_after_any_sequence, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
