/*
 * test_peer.c - peers are found by routing id and by number, and no number comes twice.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/core/lib.h"

#include "broker/net/peer.h"

static struct net_peer *meet(struct net_peers *peers, uint32_t id, bool *is_new)
{
    uint8_t rid[5] = { 0 };

    memcpy(rid + 1, &id, 4);
    return net_peers_meet(peers, 0, STRATO_BYTES_OF(rid), is_new);
}

static void a_routing_id_meets_the_same_peer_again(void **state)
{
    struct net_peers peers;
    struct net_peer *peer;
    bool is_new;

    (void)state;
    assert_int_equal(net_peers_init(&peers), 0);
    peer = meet(&peers, 7, &is_new);
    assert_true(is_new);
    assert_ptr_equal(meet(&peers, 7, &is_new), peer);
    assert_false(is_new);
    assert_ptr_equal(net_peers_find(&peers, peer->number), peer);
    assert_null(net_peers_find(&peers, 0));
    net_peers_fini(&peers);
}

static void two_sockets_may_hand_out_the_same_routing_id(void **state)
{
    struct net_peers peers;
    struct net_peer *first, *second;
    bool is_new;

    (void)state;
    assert_int_equal(net_peers_init(&peers), 0);
    first = net_peers_meet(&peers, 0, LITERAL("\0abcd"), &is_new);
    second = net_peers_meet(&peers, 1, LITERAL("\0abcd"), &is_new);
    assert_true(is_new);
    assert_ptr_not_equal(first, second);
    assert_ptr_equal(net_peers_meet(&peers, 0, LITERAL("\0abcd"), &is_new), first);
    net_peers_fini(&peers);
}

static void a_forgotten_number_is_never_given_again(void **state)
{
    struct net_peers peers;
    bool is_new;

    (void)state;
    assert_int_equal(net_peers_init(&peers), 0);
    for (int i = 0; i < 1000; i++) {
        struct net_peer *peer = meet(&peers, 7, &is_new);
        brain_peer number = peer->number;

        assert_true(is_new);
        net_peers_forget(&peers, peer);
        assert_null(net_peers_find(&peers, number));
    }
    assert_int_equal(peers.count, 0);
    assert_int_equal(peers.slots_count, 64); /* slots are, so nothing grows */
    net_peers_fini(&peers);
}

static void thousands_of_peers_are_all_found(void **state)
{
    static brain_peer numbers[5000];
    struct net_peers peers;
    bool is_new;

    (void)state;
    assert_int_equal(net_peers_init(&peers), 0);
    for (uint32_t i = 0; i < 5000; i++)
        numbers[i] = meet(&peers, i, &is_new)->number;
    for (uint32_t i = 0; i < 5000; i += 2)
        net_peers_forget(&peers, net_peers_find(&peers, numbers[i]));
    for (uint32_t i = 0; i < 5000; i++) {
        struct net_peer *peer = net_peers_find(&peers, numbers[i]);

        assert_int_equal(peer != NULL, i % 2);
        if (peer)
            assert_ptr_equal(meet(&peers, i, &is_new), peer);
    }
    assert_int_equal(peers.count, 2500);
    net_peers_fini(&peers);
}

static void an_outbox_keeps_order_and_ends_at_its_bound(void **state)
{
    struct net_peers peers;
    struct net_peer *peer;
    struct net_frame frame;
    bool is_new;

    (void)state;
    assert_int_equal(net_peers_init(&peers), 0);
    peer = meet(&peers, 1, &is_new);
    for (size_t i = 0; i < NET_OUTBOX_MAX; i++) {
        frame = (struct net_frame){ .data = malloc(1), .bytes = i };
        assert_int_equal(net_peer_queue_take(peer, &frame), 0);
        assert_null(frame.data);
    }
    frame = (struct net_frame){ .data = malloc(1), .bytes = 1 };
    assert_int_equal(net_peer_queue_take(peer, &frame), STRATO_ELIMIT);
    assert_non_null(frame.data);
    net_frame_fini(&frame);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(net_peer_queue_head(peer)->bytes, i);
        net_peer_queue_pop(peer);
    }
    net_peers_fini(&peers); /* the rest is freed with it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_routing_id_meets_the_same_peer_again),
        cmocka_unit_test(two_sockets_may_hand_out_the_same_routing_id),
        cmocka_unit_test(a_forgotten_number_is_never_given_again),
        cmocka_unit_test(thousands_of_peers_are_all_found),
        cmocka_unit_test(an_outbox_keeps_order_and_ends_at_its_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
