"""Keys: who is let in over TCP, what each may do, and what happens when the keys file changes.

Every client here is plain pyzmq with the CURVE options of libzmq.

SPDX-License-Identifier: MIT
"""

import socket as tcp
import subprocess
import time

import pytest
import zmq

from keys import Pair, write_keys
from stratod import STRATOD, Sockets, Stratod, ask, eventually, frame, values

ROLES = {
    "maker": ["{channel: evolution, verbs: [publish]}", "{channel: events, topic: 'a.>', verbs: [publish]}"],
    "taker": ["{channel: evolution, verbs: [consume]}"],
    "reader": ["{channel: '>', verbs: [consume]}"],
}


class House:
    """A broker that asks for keys, and everybody's pairs."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "keys.yaml"
        self.server = Pair(folder, "stratod")
        self.pairs = {name: Pair(folder, name) for name in ("maker", "taker", "reader", "boss", "eve")}
        self.write("maker", "taker", "reader", boss="admin")

    def write(self, *names, **others):
        pairs = {name: (self.pairs[name], [name]) for name in names}
        write_keys(self.file, ROLES, **pairs, **{name: (self.pairs[name], [role]) for name, role in others.items()})

    def arguments(self):
        return ["--keys", str(self.file), "--server-key", str(self.server.path)]

    def connect(self, sockets, kind, name, edge="native", **options):
        return sockets.connect(kind, self.broker.endpoint(edge), **self.pairs[name].client(self.server), **options)


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    with Stratod("--config", "/dev/null", *made.arguments(), "--drain-timeout", "1s") as made.broker:
        yield made
        assert made.broker.child.poll() is None, "\n".join(made.broker.lines)
        made.broker.stop()
        log = "\n".join(made.broker.lines)
        for pair in [made.server, *made.pairs.values()]:
            assert pair.secret.decode() not in log


@pytest.fixture
def sockets():
    with Sockets() as made:
        yield made


def put(req, channel="evolution", **envelope):
    return ask(req, {"op": "put", "ch": channel, "rq": 1}, {"type": "t", **envelope})[0]


def is_refused(socket, ms=400):
    """A refused client learns nothing on its socket, and keeps trying. Between two tries it has nobody to send to."""
    try:
        socket.send(frame({"op": "put", "ch": "evolution", "rq": 1}, {"type": "t"}), zmq.DONTWAIT)
    except zmq.Again:
        return True
    return socket.poll(ms) == 0


def test_a_key_is_let_in_and_sender_is_its_name(house, sockets):
    assert put(house.connect(sockets, zmq.REQ, "maker"))["op"] == "ok"
    taker = house.connect(sockets, zmq.REQ, "taker")
    _, (envelope,), _ = ask(taker, {"op": "get", "ch": "evolution", "rq": 2, "wait": 5000})
    assert envelope["sender"] == "maker"


def test_a_forged_sender_is_overwritten(house, sockets):
    assert put(house.connect(sockets, zmq.REQ, "maker"), sender="boss")["op"] == "ok"
    _, (envelope,), _ = ask(house.connect(sockets, zmq.REQ, "taker"), {"op": "get", "ch": "evolution", "rq": 2, "wait": 5000})
    assert envelope["sender"] == "maker"


def test_the_right_key_on_the_wrong_channel_is_refused_by_name(house, sockets):
    answer = put(house.connect(sockets, zmq.REQ, "maker"), "gpu")
    assert answer["name"] == "E_FORBIDDEN" and "publish" in answer["detail"] and "gpu" in answer["detail"]
    answer, _, _ = ask(house.connect(sockets, zmq.REQ, "taker"), {"op": "admin.sessions", "rq": 1})
    assert answer["name"] == "E_FORBIDDEN" and "observe" in answer["detail"]
    answer, _, _ = ask(house.connect(sockets, zmq.REQ, "boss"), {"op": "admin.sessions", "rq": 1})
    assert answer["op"] == "ok"
    house.broker.wait_line(r"audit: refused.*principal=maker.*verb=publish.*channel=gpu")


def test_no_key_an_unknown_key_and_a_wrong_server_key_are_kept_out(house, sockets):
    plain = sockets.connect(zmq.REQ, house.broker.endpoint("native"))
    stranger = house.connect(sockets, zmq.REQ, "eve")
    mistaken = sockets.connect(zmq.REQ, house.broker.endpoint("native"), **house.pairs["maker"].client(house.pairs["eve"]))
    for socket in (plain, stranger, mistaken):
        assert is_refused(socket)
    house.broker.wait_line(r"audit: refused.*cause=unknown_key")
    house.broker.wait_line(r"handshake failed")
    assert put(house.connect(sockets, zmq.REQ, "maker"))["op"] == "ok"


def test_a_unix_socket_needs_no_key_and_is_local(house, sockets):
    req = sockets.connect(zmq.REQ, house.broker.endpoint("native", "ipc"))
    assert ask(req, {"op": "admin.sessions", "rq": 1})[0]["op"] == "ok"
    assert put(req)["op"] == "ok"
    _, (envelope,), _ = ask(req, {"op": "get", "ch": "evolution", "rq": 2, "wait": 5000})
    assert envelope["sender"] == "local"


def test_every_edge_asks_for_its_own_right(house, sockets):
    house.connect(sockets, zmq.PUSH, "maker", "push:evolution").send(frame({"type": "pushed"}))
    _, (envelope,), _ = ask(house.connect(sockets, zmq.REQ, "taker"), {"op": "get", "ch": "evolution", "rq": 2, "wait": 5000})
    assert envelope["type"] == "pushed" and envelope["sender"] == "maker"
    reader = house.connect(sockets, zmq.SUB, "reader", "pub_out", subscribe=b"")
    boss = house.connect(sockets, zmq.REQ, "boss")

    def heard():
        ask(boss, {"op": "put", "ch": "events", "rq": 3}, {"type": "t", "topic": "x.y"})
        return reader.poll(50)
    eventually(heard, "an event on the SUB of a key that may read all")
    for kind, name, edge in [(zmq.SUB, "taker", "pub_out"), (zmq.PUSH, "taker", "push:evolution"),
                             (zmq.PULL, "maker", "pull:evolution"), (zmq.PUB, "taker", "pub_in")]:
        monitored = sockets.context.socket(kind)
        monitor = monitored.get_monitor_socket(zmq.Event.HANDSHAKE_FAILED_AUTH | zmq.Event.HANDSHAKE_SUCCEEDED)
        monitored.linger = 0
        for option, value in house.pairs[name].client(house.server).items():
            setattr(monitored, option, value)
        monitored.connect(house.broker.endpoint(edge))
        assert monitor.poll(10000), (name, edge)
        assert int.from_bytes(monitor.recv_multipart()[0][:2], "little") == zmq.Event.HANDSHAKE_FAILED_AUTH, (name, edge)
        monitored.disable_monitor()
        monitored.close()


def test_topics_of_a_pub_are_judged_message_by_message(house, sockets):
    pub = house.connect(sockets, zmq.PUB, "maker", "pub_in")
    boss = house.connect(sockets, zmq.REQ, "boss")

    def seen():
        pub.send_multipart([b"b.secret", frame({"type": "t"})])
        pub.send_multipart([b"a.open", frame({"type": "t"})])
        _, events, _ = ask(boss, {"op": "hist", "ch": "events", "rq": 1, "from_seq": 1})
        return events
    events = eventually(seen, "an event of the PUB")
    assert {event["topic"] for event in events} == {"a.open"} and {event["sender"] for event in events} == {"maker"}


def test_a_revoked_key_is_out_within_a_second(house, sockets):
    dealer = house.connect(sockets, zmq.DEALER, "maker")
    dealer.send(frame({"op": "hello", "agent": "m"}))
    assert values(dealer.recv())[0]["op"] == "welcome"
    taker = house.connect(sockets, zmq.REQ, "taker")
    monitor = dealer.get_monitor_socket(zmq.Event.DISCONNECTED)
    house.write("taker", boss="admin")
    start = time.monotonic()
    answer = values(dealer.recv())[0]
    told = time.monotonic() - start
    assert answer["name"] == "E_AUTH" and "revoked" in answer["detail"]
    assert monitor.poll(10000), "the connection was not cut"
    print(f"told after {told:.3f} s, cut after {time.monotonic() - start:.3f} s")
    dealer.disable_monitor()
    assert ask(taker, {"op": "get", "ch": "evolution", "rq": 2})[0]["name"] == "E_EMPTY"  # the others did not notice
    assert is_refused(house.connect(sockets, zmq.REQ, "maker"))
    house.write("maker", "taker", boss="admin")  # and back again; libzmq does not try again by itself after a refusal
    eventually(lambda: sum("audit: keys read again" in line for line in house.broker.lines) == 2, "the second reload")
    assert put(house.connect(sockets, zmq.REQ, "maker"))["op"] == "ok"


def test_a_puller_whose_key_is_revoked_gets_nothing_more(house, sockets):
    puller = house.connect(sockets, zmq.PULL, "taker", "pull:evolution")
    other = house.connect(sockets, zmq.PULL, "reader", "pull:evolution")
    maker = house.connect(sockets, zmq.REQ, "maker")
    for _ in range(4):
        put(maker)
    eventually(lambda: puller.poll(10) or other.poll(10), "work for a puller")
    house.write("maker", "reader", boss="admin")
    house.broker.wait_line(r"connections of the edge end.*pull:evolution")
    while puller.poll(200):
        puller.recv()
    got = 0
    while got < 20:  # the other one comes back by itself
        put(maker)
        got += other.poll(500) and bool(other.recv())
        assert not puller.poll(0)


def test_a_broken_keys_file_changes_nothing_and_says_where(house, sockets):
    maker = house.connect(sockets, zmq.REQ, "maker")
    assert put(maker)["op"] == "ok"
    house.file.write_text("keys:\n  maker: {key: 'short', roles: [maker]}\n")
    house.broker.wait_line(r"keys file refused; the old keys stay.*keys.yaml:2:16")
    assert put(maker)["op"] == "ok"
    house.file.unlink()
    house.broker.wait_line(r"keys file refused.*no such file")
    assert put(maker)["op"] == "ok"


def test_hangup_reads_the_keys_at_once(house, sockets):
    house.write("maker", "taker", eve="maker")
    house.broker.child.send_signal(1)
    house.broker.wait_line(r"audit: keys read again")
    assert put(house.connect(sockets, zmq.REQ, "eve"))["op"] == "ok"


def test_another_key_does_not_inherit_a_routing_id(house, sockets):
    """libzmq gives a chosen id to whoever is there when its owner leaves, so nobody may choose one."""
    named = house.connect(sockets, zmq.DEALER, "maker", routing_id=b"me")
    named.send(frame({"op": "hello", "agent": "m"}))
    answer = values(named.recv())[0]
    assert answer["name"] == "E_PROTO" and "ZMQ_ROUTING_ID" in answer["detail"]


def test_other_hosts_may_be_listened_on_with_keys(tmp_path):
    house = House(tmp_path)
    with Stratod("--config", "/dev/null", "--host", "0.0.0.0", *house.arguments()) as broker:
        broker.wait_line(r"keys are asked for over TCP; clients need this server key")
        assert not any("no keys are asked for" in line for line in broker.lines)


def run(*arguments):
    return subprocess.run([STRATOD, "--config", "/dev/null", "--port", "0", "--services", "", *arguments], text=True,
                          capture_output=True, timeout=60)


def test_what_cannot_work_is_refused_at_the_start_with_the_fix(tmp_path):
    house = House(tmp_path)
    house.pairs["eve"].path.chmod(0o644)
    mixed = tmp_path / "mixed.key"
    mixed.write_bytes(b"public: '%s'\nsecret: '%s'\n" % (house.server.public, house.pairs["eve"].secret))
    mixed.chmod(0o600)
    for arguments, text in [
        (["--keys", str(house.file)], "keys needs server_key"),
        (["--server-key", str(house.server.path)], "server_key needs keys"),
        (["--keys", str(house.file), "--server-key", "/nonexistent"], "strato key new"),
        (["--keys", "/nonexistent", "--server-key", str(house.server.path)], "no such file"),
        (["--keys", str(house.file), "--server-key", str(house.pairs["eve"].path)], "chmod 600"),
        (["--keys", str(house.file), "--server-key", str(mixed)], "does not belong to the secret"),
    ]:
        done = run(*arguments)
        assert done.returncode == 2 and text in done.stderr, done.stderr
        assert house.pairs["eve"].secret.decode() not in done.stderr


def test_two_of_a_key_are_enough_if_the_file_says_so(tmp_path, sockets):
    house = House(tmp_path)
    write_keys(house.file, ROLES, maker=(house.pairs["maker"], ["maker"], "connections: 2", "rate: 5"))
    with Stratod("--config", "/dev/null", *house.arguments()) as house.broker:
        first, second, third = (house.connect(sockets, zmq.REQ, "maker") for _ in range(3))
        assert put(first)["op"] == "ok" and put(second)["op"] == "ok"
        answer = put(third)
        assert answer["name"] == "E_LIMIT" and "2 connections" in answer["detail"]
        answers = [put(first) for _ in range(8)]
        assert any(a.get("name") == "E_RATE" for a in answers), answers
        local = sockets.connect(zmq.REQ, house.broker.endpoint("native", "ipc"))
        _, (told,), _ = ask(local, {"op": "admin.stats", "rq": 1})
        assert told["payload"]["key_over_connections"] == 1 and told["payload"]["key_over_rate"] >= 1
        assert told["payload"]["key_strangers"] == 0
