"""A hostile peer: whatever it sends, the broker lives, serves others and keeps its laws.

Every broker here ends with an ordinary stop and a look into its log, so that a sanitizer's word is heard.

SPDX-License-Identifier: MIT
"""

import random
import socket

import pytest
import zmq

from mutate import Mutator
from peer import BUILD, HUGE, KEYS, NAMES, Bus, Peer, assert_leaves_clean, assert_well, resident_kib

ENVELOPE = {"type": "t", "payload": 1}
CARRIERS = ("put", "call", "reply")
ODD = [None, True, 0, -1, HUGE, 2**32, 1.5, float("nan"), "", "a\0b", "x" * 129, "x" * 3000, b"z" * 32, [], [HUGE], [[1]],
       ["x" * 64] * 40, {1: 2}, {"capacity": HUGE}]


@pytest.fixture
def bus(monkeypatch):
    monkeypatch.setenv("ASAN_OPTIONS", "quarantine_size_mb=4")
    with Bus(BUILD, "--services", "", "--drain-timeout", "1s") as running:
        yield running
        assert_well(running)
        assert_leaves_clean(running)


def local(bus):
    return f"ipc://{bus.folder}/strato.native.sock"


def names(headers):
    return [header.get("name", header["op"]) for header in headers]


@pytest.mark.parametrize("has_session", [False, True])
@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_every_key_of_every_operation_with_every_type(bus, transport, has_session):
    endpoint = bus.endpoint if transport == "tcp" else local(bus)
    for op in NAMES:
        with Peer(endpoint) as peer:
            if has_session:
                peer.hello()
            for key in KEYS:
                for value in ODD:
                    header = {"op": op, "ch": "gpu", "rq": 1, key: value}
                    if header["op"] != "bye":
                        peer.send(header, *([ENVELOPE] if op in CARRIERS else []))
                for header in peer.settle(key):
                    assert header.get("code", 100) >= 100, header  # local codes never travel


def test_a_lockstep_peer_gets_one_answer_for_anything(bus):
    for op in NAMES:
        with Peer(bus.endpoint, zmq.REQ) as peer:
            for extra in ({}, {"ch": "gpu"}, {"ch": "gpu", "n": HUGE, "i": HUGE, "upto": HUGE}):
                if op in ("pong", "start", "want", "release", "reply"):
                    continue  # answered by nothing
                peer.send({"op": op, "rq": 1, **extra})
                peer.receive()


def test_the_wrong_order_is_told_and_changes_nothing(bus):
    with Peer(bus.endpoint) as peer:
        for header in ({"op": "need", "upto": HUGE}, {"op": "want", "limit": HUGE}, {"op": "release", "sent": HUGE},
                       {"op": "ack", "upto": HUGE}, {"op": "bye"}, {"op": "put", "i": 0, "ep": 1}):
            peer.send({**header, "ch": "gpu", "rq": 1}, *([ENVELOPE] if header["op"] == "put" else []))
        assert set(names(peer.settle())) == {"E_NO_SESSION"}
        peer.hello(agent="impatient")
        peer.send({"op": "put", "ch": "gpu", "i": 0, "ep": 1}, ENVELOPE)
        peer.send({"op": "open", "ch": "gpu", "dir": "p"})
        peer.send({"op": "open", "ch": "gpu", "dir": "p"})
        peer.send({"op": "put", "ch": "gpu", "i": 10, "ep": 1}, ENVELOPE)
        peer.send({"op": "release", "ch": "gpu", "sent": HUGE, "sent_bytes": HUGE})
        assert names(peer.settle()) == ["E_PROTO", "opened", "E_CONFLICT", "E_GAP", "E_PROTO"]
        peer.send({"op": "need", "ch": "gpu", "upto": HUGE, "wait": HUGE})
        assert peer.wait("credit")["limit"] <= 100
        peer.send({"op": "put", "ch": "gpu", "i": 0, "ep": 1, "n": HUGE}, ENVELOPE)
        assert names(peer.settle()) == ["E_CREDIT"]


def test_streams_and_globs_end_at_their_limits(bus):
    with Peer(bus.endpoint) as peer:
        peer.hello()
        for i in range(1002):
            peer.send({"op": "open", "ch": "gpu", "dir": "p", "stream": i})
        assert names(peer.settle()).count("E_LIMIT") == 1
        peer.send({"op": "sub", "ch": "events", "match": ["a.%d" % i for i in range(300)]})
        assert names(peer.settle()) == ["E_LIMIT"]


@pytest.mark.parametrize("settings", [{1: 2}, {None: 1}, [], 7, {"pattern": "work", 1: 2}, {b"pattern": 1}, {"x" * 3000: 1},
                                      {"capacity": 0}, {"max_bytes": HUGE}, {"full": "x"}, {"é" * 31 + "xyz": 1}])
def test_settings_that_are_none_are_told(bus, settings):
    with Peer(local(bus)) as peer:
        peer.hello()
        peer.send({"op": "open", "ch": "made", "dir": "p", "declare": settings})
        peer.send({"op": "admin.channel.add", "ch": "made"}, {"type": "admin", "payload": settings})
        peer.send({"op": "admin.channel.set", "ch": "gpu"}, {"type": "admin", "payload": settings})
        assert all(name in ("E_SCHEMA", "E_LIMIT", "E_CONFLICT") for name in names(peer.settle()))
        assert "made" not in bus.channels()


@pytest.mark.parametrize("name", [b"a\0b", b"\0", b"\xff\xfe", b"a b", b"\x1b[31m", b">", b"x@", b"\xed\xa0\x80"])
def test_names_that_are_no_text_are_refused(bus, name):
    text = bytes([0xa0 + len(name)]) + name
    with Peer(local(bus)) as peer:
        for op, key in ((b"\xa5hello", b"\xa5agent"), (b"\xa5hello", b"\xa4kind"), (b"\xb1admin.channel.add", b"\xa2ch")):
            peer.socket.send(b"\x82\xa2op" + op + key + text)
            assert peer.receive()["name"] == "E_SCHEMA"
        peer.hello()
        peer.socket.send(b"\x83\xa2op\xa4open\xa3dir\xa1s\xa2ch" + text)
        assert peer.receive()["name"] == "E_SCHEMA"


def test_a_removed_channel_is_forgotten_by_who_was_away(bus):
    with Peer(local(bus)) as admin, Peer(local(bus)) as back:
        with Peer(bus.endpoint) as peer:
            welcome = peer.hello(agent="away")
            peer.send({"op": "open", "ch": "short", "dir": "p", "declare": {"capacity": 5}})
            peer.send({"op": "open", "ch": "short", "dir": "c", "stream": 1})
            peer.settle()
        bus.broker.wait_line(r"session detached .*agent=away")
        admin.send({"op": "admin.channel.rm", "ch": "short"})
        assert names(admin.settle()) == ["ok"]
        back.send({"op": "hello", "token": welcome["token"]})
        assert back.wait("welcome")["chans"] == []
        back.send({"op": "bye", "rq": 1})
        back.wait("ok")


def test_counts_of_attachments_never_matter(bus):
    with Peer(bus.endpoint) as peer:
        for count in (0, 1, 8, 9, 64, 65, 5000):
            for claimed in (0, 1, 8, 9, HUGE, -1):
                for op in ("put", "call", "ping", "admin.stats"):
                    peer.send({"op": op, "ch": "gpu", "rq": 1}, {"type": "t", "attach": claimed}, blobs=[b"x"] * count)
            assert ("E_FRAME" if count <= 64 else "E_LIMIT") in names(peer.settle())


def test_peers_that_vanish_in_the_middle_leave_nothing_behind(bus):
    for turn in range(20):
        peers = [Peer(bus.endpoint if turn % 2 else local(bus)) for _ in range(10)]
        for peer in peers:
            for header in ({"op": "hello"}, {"op": "open", "ch": "gpu", "dir": "p"}, {"op": "open", "ch": "gpu", "dir": "c", "stream": 1},
                           {"op": "want", "ch": "gpu", "stream": 1, "limit": 10}, {"op": "need", "ch": "gpu", "upto": 50, "wait": 9000},
                           {"op": "get", "ch": "gpu", "wait": 9000, "rq": 1}, {"op": "sub", "ch": "events", "match": [">"]}):
                peer.send(header)
            peer.send({"op": "call", "ch": "cost", "rq": 1, "wait_responder_ms": 9000}, ENVELOPE)
            peer.send({"op": "put", "ch": "gpu", "rq": 1, "wait": 9000}, ENVELOPE)
        peers[0].receive()
        for peer in peers:
            peer.vanish()


GREETING = b"\xff" + b"\0" * 8 + b"\x7f\x03\x00NULL" + b"\0" * 48
READY = b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x06DEALER"


def test_an_endless_message_ends_and_costs_little(bus):
    host, port = bus.endpoint[len("tcp://"):].rsplit(":", 1)
    before = resident_kib(bus)
    with socket.create_connection((host, int(port))) as raw:
        raw.settimeout(5)
        try:
            raw.sendall(GREETING + READY)
            for _ in range(1000):
                raw.sendall((b"\x01\xff" + b"x" * 255) * 256)
        except OSError:
            pass
        assert resident_kib(bus) - before < 200 * 1024


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_mutated_conversations(bus, seed):
    """Valid conversations of five peers, a third of the frames damaged; memory stays where it was."""
    mutator = Mutator(random.Random(seed), [bus.endpoint, local(bus)])
    try:
        mutator.run(2000)
        before = resident_kib(bus)
        mutator.run(8000)
        assert bus.broker.child.poll() is None, "\n".join(bus.broker.lines[-60:])
        bus.assert_laws()
        assert resident_kib(bus) - before < 64 * 1024
    finally:
        mutator.vanish()
