"""Bad input: a typed error where somebody can be told, a counter always, no effect on others.

SPDX-License-Identifier: MIT
"""

import os
import signal
import socket
import subprocess
import sys

import msgpack
import pytest
import zmq

from stratod import ask, eventually, frame, values


def alive(broker, sockets):
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    return ask(req, {"op": "ping", "rq": 1})[0]["op"] == "pong"


BAD_FRAMES = [
    (b"\xc1", "E_CODEC"),
    (b"", None),
    (msgpack.packb({"op": "put"})[:-1], "E_CODEC"),
    (msgpack.packb(7), "E_PROTO"),
    (msgpack.packb({"op": "fly"}), "E_PROTO"),
    (msgpack.packb({"op": "ping", "v": 2}), "E_VERSION"),
    (msgpack.packb({"op": "put", "ch": "jobs", "n": 2}) + msgpack.packb({"type": "x"}), "E_FRAME"),
    (msgpack.packb({"op": "put", "ch": "jobs"}) + msgpack.packb({"payload": 1}), "E_SCHEMA"),
    (msgpack.packb({"op": "put", "ch": "jobs"}) + msgpack.packb({"type": "x", "attach": 1}), "E_FRAME"),
    (msgpack.packb({"op": "put", "ch": "jobs"}) + b"\xdf\xff\xff\xff\xff", "E_CODEC"),
    (msgpack.packb({"op": "put", "ch": "jobs"}) + msgpack.packb({"type": "x", "payload": b"\x91" * 0}) + b"\x00", "E_FRAME"),
    (msgpack.packb({"op": "put", "ch": "jobs"}) + b"\x82\xa4type\xa1x\xa7payload" + b"\x91" * 40 + b"\xc0", "E_CODEC"),
    (msgpack.packb({"op": "put", "ch": "jobs"}) + msgpack.packb({"type": "x", "topic": "t" * 201}), "E_LIMIT"),
    (msgpack.packb({"op": "put", "ch": "jobs", "reason": "r" * 5000}), "E_LIMIT"),
]


@pytest.mark.parametrize("data,name", BAD_FRAMES)
def test_a_bad_frame_is_answered_by_name(broker, sockets, data, name):
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    if name is None:
        req.send(data)
    else:
        req.send(data)
        assert values(req.recv())[0]["name"] == name
    assert alive(broker, sockets)


def test_a_wrong_channel_names_the_nearest(broker, sockets):
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    header, _, _ = ask(req, {"op": "put", "ch": "evoluton", "rq": 1}, {"type": "x"})
    assert header["name"] == "E_NO_CHANNEL" and "evolution" in header["detail"]


def test_a_frame_over_the_limit_closes_the_connection_and_is_counted(broker, sockets):
    dealer = sockets.connect(zmq.DEALER, broker.endpoint("native"))
    monitor = dealer.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    monitor.rcvtimeo = 30000
    dealer.send(b"x" * (10 << 20) + b"x" * (1 << 17))
    monitor.recv_multipart()
    assert alive(broker, sockets)


def test_a_message_over_the_limit_is_too_big(broker, sockets):
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    header, _, _ = ask(req, {"op": "put", "ch": "jobs", "rq": 1}, {"type": "x", "attach": 2},
                       attachments=[b"x" * (6 << 20), b"x" * (6 << 20)])
    assert header["name"] == "E_TOO_BIG"
    assert alive(broker, sockets)


@pytest.mark.parametrize("edge", ["native", "pub_out", "pub_in", "events_push", "push:jobs", "pull:jobs"])
@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(4096), b"\xff" * 64, b"\x00" * 64])
def test_other_protocols_do_no_harm(broker, sockets, edge, data):
    host, port = broker.endpoint(edge)[len("tcp://"):].rsplit(":", 1)
    with socket.create_connection((host, int(port))) as raw:
        try:
            raw.sendall(data)
            raw.shutdown(socket.SHUT_WR)
            raw.settimeout(0.2)
            raw.recv(4096)
        except OSError:
            pass
    assert alive(broker, sockets)


@pytest.mark.parametrize("edge", ["push:jobs", "events_push"])
def test_undecodable_pushes_are_passed_over(broker, sockets, edge):
    push = sockets.connect(zmq.PUSH, broker.endpoint(edge))
    push.send(b"\xc1\xc1\xc1")
    push.send(b"")
    push.send_multipart([msgpack.packb({"type": "x", "attach": 3}), b"one"])
    push.send(msgpack.packb({"type": "demo.good", "topic": "demo.good"}))
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    if edge == "push:jobs":
        header, envelopes, _ = ask(req, {"op": "get", "ch": "jobs", "rq": 1, "wait": 20000, "n": 10})
        assert header["op"] == "deliver" and [e["type"] for e in envelopes] == ["demo.good"]
    else:
        eventually(lambda: ask(req, {"op": "hist", "ch": "events", "rq": 1, "from_seq": 1, "limit": 9})[1], "the good event")


def test_a_pub_without_an_envelope_is_passed_over(broker, sockets):
    pub = sockets.connect(zmq.PUB, broker.endpoint("pub_in"))
    for _ in range(20):
        pub.send(b"demo.alone")
    assert alive(broker, sockets)


def test_garbage_subscriptions_do_no_harm(broker, sockets):
    xsub = sockets.connect(zmq.XSUB, broker.endpoint("pub_out"))
    xsub.send(b"hello")
    xsub.send(b"\x01" + b"t" * 200)
    xsub.send(b"\x01" + b"t" * 4000)
    assert alive(broker, sockets)


PRODUCER = """
import sys, zmq, msgpack, io, time
socket = zmq.Context().socket(zmq.DEALER)
socket.connect(sys.argv[1])
def send(header): socket.send(msgpack.packb(header))
send({"op": "hello", "agent": "greedy", "kind": "agent"})
send({"op": "open", "ch": "gpu", "dir": "p"})
send({"op": "need", "ch": "gpu", "upto": 100, "wait": 60000})
limit = 0
while limit < 50:  # a lone producer's share: half of the capacity
    header = next(iter(msgpack.Unpacker(io.BytesIO(socket.recv()))))
    limit = max(limit, header.get("limit", 0))
print("holding", limit, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_a_killed_producer_gives_every_credit_back(broker, sockets, transport):
    child = subprocess.Popen([sys.executable, "-c", PRODUCER, broker.endpoint("native", transport)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline().startswith("holding")
        child.send_signal(signal.SIGKILL)
        child.wait()
        req = sockets.connect(zmq.REQ, broker.endpoint("native"))
        for i in range(100):  # each with a wait: whether it took 60 ms or a second is not this test's business
            assert ask(req, {"op": "put", "ch": "gpu", "rq": i, "wait": 20000}, {"type": "gpu.synchronize"})[0]["op"] == "ok"
        assert ask(req, {"op": "put", "ch": "gpu", "rq": 100}, {"type": "gpu.synchronize"})[0]["name"] == "E_FULL"
    finally:
        child.kill()
        child.wait()


def test_a_storm_of_vanishing_peers_leaves_the_broker_as_it_was(broker, sockets):
    for round_number in range(5):
        with_context = zmq.Context()
        for _ in range(40):
            dealer = with_context.socket(zmq.DEALER)
            dealer.linger = 0
            dealer.connect(broker.endpoint("native"))
            dealer.send(frame({"op": "hello", "kind": "agent"}))
            dealer.send(frame({"op": "open", "ch": "gpu", "dir": "p"}))
            dealer.send(frame({"op": "sub", "ch": "events", "match": [">"]}))
        with_context.destroy(linger=0)
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    for i in range(100):
        assert ask(req, {"op": "put", "ch": "gpu", "rq": i, "wait": 20000}, {"type": "gpu.synchronize"})[0]["op"] == "ok"


def zmtp1(data):
    return bytes([len(data) + 1, 0]) + data


@pytest.mark.parametrize("greeting", [
    zmtp1(b""),  # ZMTP 1.0: identity, then messages
    b"\xff" + b"\0" * 8 + b"\x7f\x01\x05" + b"\0\0",  # ZMTP 2.0: greeting of a DEALER, identity
])
def test_old_protocols_never_get_the_rights_of_this_process(broker, greeting):
    """Messages of ZMTP 1 and 2 carry no metadata, just like those over inproc, which may administer."""
    host, port = broker.endpoint("native")[len("tcp://"):].rsplit(":", 1)
    data = frame({"op": "admin.purge", "ch": "gpu", "rq": 1})
    data = zmtp1(data) if greeting[0] != 0xFF else bytes([0, len(data)]) + data
    with socket.create_connection((host, int(port))) as raw:
        raw.settimeout(30)
        raw.sendall(greeting + data)
        answer = b""
        while b"E_FORBIDDEN" not in answer:
            more = raw.recv(4096)
            assert more, answer
            answer += more


def test_admin_is_for_unix_sockets_until_there_are_keys(broker, sockets):
    for transport, expected in (("tcp", "err"), ("ipc", "ok")):
        req = sockets.connect(zmq.REQ, broker.endpoint("native", transport))
        header, _, _ = ask(req, {"op": "admin.purge", "ch": "jobs", "rq": 1})
        assert header["op"] == expected, header
