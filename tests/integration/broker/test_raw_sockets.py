"""The raw-socket contract (docs/wire.md): PUSH, PULL, PUB, SUB and REQ without our library.

SPDX-License-Identifier: MIT
"""

import msgpack
import pytest
import zmq

from stratod import ask, eventually, frame, values

TRANSPORTS = ["tcp", "ipc"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_req_puts_gets_and_acks(broker, sockets, transport):
    req = sockets.connect(zmq.REQ, broker.endpoint("native", transport))
    header, _, _ = ask(req, {"op": "put", "ch": "jobs", "rq": 1, "wait": 2000}, {"type": "jobs.do", "payload": {"x": 7}})
    assert (header["op"], header["rq"], header["n"], header["durability"]) == ("ok", 1, 1, "memory")
    header, (envelope,), _ = ask(req, {"op": "get", "ch": "jobs", "rq": 2, "wait": 5000})
    assert header["op"] == "deliver" and header["ch"] == "jobs"
    assert envelope["type"] == "jobs.do" and envelope["payload"] == {"x": 7}
    assert envelope["seq"] == 1 and envelope["attempts"] == 1 and envelope["deliveries"] == 1
    assert envelope["sender"] and envelope["ts_ms"] > 0
    answer, _, _ = ask(req, {"op": "ack", "ch": "jobs", "rq": 3, "leases": header["leases"], "confirm": True})
    assert (answer["op"], answer["rq"]) == ("ok", 3)
    answer, _, _ = ask(req, {"op": "ack", "ch": "jobs", "rq": 4, "leases": header["leases"], "confirm": True})
    assert answer["name"] == "E_STALE_LEASE"
    answer, _, _ = ask(req, {"op": "get", "ch": "jobs", "rq": 5})
    assert answer["name"] == "E_EMPTY"


def test_attachments_travel_intact(broker, sockets):
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    big = bytes(range(256)) * 4096
    header, _, _ = ask(req, {"op": "put", "ch": "jobs", "rq": 1}, {"type": "jobs.do", "attach": 2}, attachments=[big, b"x"])
    assert header["op"] == "ok"
    header, (envelope,), parts = ask(req, {"op": "get", "ch": "jobs", "rq": 2})
    assert envelope["attach"] == 2 and parts == [big, b"x"]


def test_the_bound_of_gpu_is_exact(broker, sockets):
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    for i in range(100):
        assert ask(req, {"op": "put", "ch": "gpu", "rq": i}, {"type": "gpu.synchronize"})[0]["op"] == "ok"
    assert ask(req, {"op": "put", "ch": "gpu", "rq": 100}, {"type": "gpu.synchronize"})[0]["name"] == "E_FULL"
    assert ask(req, {"op": "put", "ch": "gpu", "rq": 101, "wait": 50}, {"type": "gpu.synchronize"})[0]["name"] == "E_FULL"
    header, _, _ = ask(req, {"op": "get", "ch": "gpu", "rq": 102})
    ask(req, {"op": "ack", "ch": "gpu", "rq": 103, "leases": header["leases"], "confirm": True})
    assert ask(req, {"op": "put", "ch": "gpu", "rq": 104}, {"type": "gpu.synchronize"})[0]["op"] == "ok"
    assert ask(req, {"op": "put", "ch": "gpu", "rq": 105}, {"type": "gpu.synchronize"})[0]["name"] == "E_FULL"


def test_a_call_is_answered_by_a_responder_on_a_bare_dealer(broker, sockets):
    responder = sockets.connect(zmq.DEALER, broker.endpoint("native"))
    responder.send(frame({"op": "hello", "agent": "adder", "kind": "service"}))
    assert values(responder.recv())[0]["op"] == "welcome"
    responder.send(frame({"op": "open", "ch": "ask", "dir": "s"}))
    responder.send(frame({"op": "want", "ch": "ask", "limit": 8, "taken": 0}))
    eventually(lambda: values(responder.recv())[0]["op"] == "opened", "open of the request channel")
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    req.send(frame({"op": "call", "ch": "ask", "rq": 9, "deadline_ms": 20000}, {"type": "ask.add", "payload": [2, 3]}))
    while True:
        header, *envelopes = values(responder.recv())
        if header["op"] == "deliver":
            break
    total = sum(envelopes[0]["payload"])
    responder.send(frame({"op": "reply", "ch": "ask", "tags": [header.get("i", 0)]}, {"type": "ask.sum", "payload": total}))
    result, envelope = values(req.recv())
    assert (result["op"], result["rq"], envelope["payload"]) == ("result", 9, 5)


def test_nobody_serves_is_said_at_once(broker, sockets):
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    header, _, _ = ask(req, {"op": "call", "ch": "cost", "rq": 1, "deadline_ms": 20000}, {"type": "cost.estimate"})
    assert header["name"] == "E_NO_RESPONDERS"


@pytest.mark.parametrize("channel", ["jobs", "evolution"])  # evolution: its service is not hosted here
def test_push_reaches_pull(broker, sockets, channel):
    push = sockets.connect(zmq.PUSH, broker.endpoint(f"push:{channel}"))
    for i in range(50):
        push.send_multipart([msgpack.packb({"type": "evolution.step", "payload": {"generation": i}, "attach": 1}), b"bytes"])
    pull = sockets.connect(zmq.PULL, broker.endpoint(f"pull:{channel}"))
    for i in range(50):
        envelope, attachment = pull.recv_multipart()
        assert values(envelope)[0]["payload"] == {"generation": i}
        assert attachment == b"bytes"


def test_push_and_req_meet_in_one_channel(broker, sockets):
    push = sockets.connect(zmq.PUSH, broker.endpoint("push:jobs"))
    push.send(msgpack.packb({"type": "jobs.do"}))
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    header, (envelope,), _ = ask(req, {"op": "get", "ch": "jobs", "rq": 1, "wait": 20000})
    assert header["op"] == "deliver" and envelope["type"] == "jobs.do"


def test_a_full_channel_stops_the_pusher_and_loses_nothing(broker, sockets):
    push = sockets.connect(zmq.PUSH, broker.endpoint("push:jobs"))
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    for i in range(300):
        push.send(msgpack.packb({"type": "jobs.do", "payload": i}))
    seen = []
    while len(seen) < 300:
        header, envelopes, _ = ask(req, {"op": "get", "ch": "jobs", "rq": 1, "n": 50, "wait": 20000})
        assert header["op"] == "deliver" and len(envelopes) <= 100
        seen += [envelope["payload"] for envelope in envelopes]
        ask(req, {"op": "ack", "ch": "jobs", "rq": 2, "leases": header["leases"], "confirm": True})
    assert seen == list(range(300))


def subscriber(broker, sockets, prefix):
    """A SUB that is known to be connected: it has seen the topic '!'."""
    sub = sockets.connect(zmq.SUB, broker.endpoint("pub_out"))
    sub.subscribe(b"!")
    sub.subscribe(prefix)
    eventually(lambda: sub.recv_multipart()[0] == b"!", "the topic ! once a second")
    return sub


def next_event(sub):
    while True:
        parts = sub.recv_multipart()
        if parts[0] != b"!":
            return parts


def test_pub_reaches_sub_with_topic_meta_and_envelope(broker, sockets):
    sub = subscriber(broker, sockets, b"demo.")
    pub = sockets.connect(zmq.PUB, broker.endpoint("pub_in"))
    poller = zmq.Poller()
    poller.register(sub, zmq.POLLIN)

    def published():
        pub.send_multipart([b"demo.hi", msgpack.packb({"type": "demo.hi", "payload": {"n": 1}})])
        return dict(poller.poll(50)) and next_event(sub)

    topic, meta, envelope = eventually(published, "PUB to SUB")
    meta, envelope = values(meta)[0], values(envelope)[0]
    assert topic == b"demo.hi" and envelope["payload"] == {"n": 1} and envelope["topic"] == "demo.hi"
    assert meta["seq"] >= 1 and "epoch" in meta and "prev" in meta


def test_push_of_events_reaches_sub_under_the_default_topic(broker, sockets):
    sub = subscriber(broker, sockets, b"events.")
    push = sockets.connect(zmq.PUSH, broker.endpoint("events_push"))
    for i in range(20):
        push.send(msgpack.packb({"type": "events.agent_spawned", "payload": {"i": i}}))
    for i in range(20):
        topic, meta, envelope = next_event(sub)
        assert topic.startswith(b"events.agent_spawned")
        assert values(envelope)[0]["payload"] == {"i": i}


def test_events_by_req_reach_sub(broker, sockets):
    sub = subscriber(broker, sockets, b"demo.")
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    seqs = []
    for i in range(10):
        header, _, _ = ask(req, {"op": "put", "ch": "events", "rq": i}, {"type": "demo.hi", "topic": "demo.hi"})
        seqs.append(header["seq"])
    metas = [values(next_event(sub)[1])[0] for _ in range(10)]
    assert [meta["seq"] for meta in metas] == seqs
    assert [meta["prev"] for meta in metas[1:]] == seqs[:-1]


def test_the_heads_topic_names_the_last_seq(broker, sockets):
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    for i in range(3):
        ask(req, {"op": "put", "ch": "events", "rq": i}, {"type": "demo.hi", "topic": "demo.hi"})
    sub = sockets.connect(zmq.SUB, broker.endpoint("pub_out"))
    sub.subscribe(b"!")

    def heads():
        parts = sub.recv_multipart()
        return values(parts[-1])[0]["events"]["last"] == 3

    eventually(heads, "! says last = 3")


def test_history_repairs_a_gap(broker, sockets):
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    for i in range(5):
        ask(req, {"op": "put", "ch": "events", "rq": i}, {"type": "demo.hi", "payload": i})
    header, envelopes, _ = ask(req, {"op": "hist", "ch": "events", "rq": 1, "from_seq": 3, "limit": 10})
    assert header["op"] == "event" and [e["payload"] for e in envelopes] == [2, 3, 4]
