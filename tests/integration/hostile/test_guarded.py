"""Strangers, thieves and peers outside their rights against a broker that asks for keys; the others are served throughout.

SPDX-License-Identifier: MIT
"""

import os
import re
import threading

import pytest
import zmq

import raw
from peer import BUILD, HUGE, NAMES, PATIENCE_MS, Bus, Peer, assert_leaves_clean, pack, resident_kib, values

ENVELOPE = {"type": "t", "payload": 1}
ROLES = """roles:
  maker: [{channel: jobs, verbs: [publish]}]
  taker: [{channel: jobs, verbs: [consume]}]
  nobody: [{channel: nothing, verbs: [observe]}]
keys:
"""


class Keyed(Peer):
    """A Peer with a pair."""

    def __init__(self, endpoint, server, pair, kind=zmq.DEALER):
        self.context = zmq.Context()
        self.socket = self.context.socket(kind)
        self.socket.linger = 0
        self.socket.rcvtimeo = self.socket.sndtimeo = PATIENCE_MS
        self.socket.curve_serverkey = server[0]
        self.socket.curve_publickey, self.socket.curve_secretkey = pair
        self.socket.connect(endpoint)

    def ask(self, header, *envelopes):
        """One L1 request on a REQ: the answer's values."""
        self.send(header, *envelopes)
        return values(self.socket.recv_multipart()[0])


class House:
    def __init__(self, folder):
        self.folder = folder
        self.server = zmq.curve_keypair()
        self.pairs = {name: zmq.curve_keypair() for name in ("maker", "taker", "nobody", "boss", "eve")}
        with open(os.open(folder / "stratod.key", os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            file.write(b"public: '%s'\nsecret: '%s'\n" % self.server)
        lines = [f"  {name}: {{key: '{self.pairs[name][0].decode()}', roles: [{name}]}}" for name in ("maker", "taker", "nobody")]
        lines.append(f"  boss: {{key: '{self.pairs['boss'][0].decode()}', roles: [admin]}}")
        (folder / "keys.yaml").write_text(ROLES + "\n".join(lines) + "\n")
        (folder / "stratod.yaml").write_text("channels: [{name: jobs, pattern: work, capacity: 100}]\npush_pull: [jobs]\n")

    def arguments(self):
        return ["--config", self.folder / "stratod.yaml", "--keys", self.folder / "keys.yaml", "--server-key",
                self.folder / "stratod.key", "--services", "", "--drain-timeout", "1s", "--mute-connections", "300"]

    def peer(self, name, kind=zmq.DEALER, endpoint=None):
        return Keyed(endpoint or self.bus.endpoint, self.server, self.pairs[name], kind)

    def endpoints(self):
        return [found[1].strip('"') for line in self.bus.broker.lines
                if (found := re.search(r"listening edge=\S+ endpoint=(tcp:\S+)", line))]


class Others:
    """A maker and a taker who go on with their work; each round must end, whatever else happens."""

    def __init__(self, house):
        self.maker, self.taker = house.peer("maker", zmq.REQ), house.peer("taker", zmq.REQ)
        self.rounds, self.failure, self.is_over = 0, None, False
        self.thread = threading.Thread(target=self.work, daemon=True)

    def round(self):
        assert self.maker.ask({"op": "put", "ch": "jobs", "rq": 1}, ENVELOPE)[0]["op"] == "ok"
        header = self.taker.ask({"op": "get", "ch": "jobs", "rq": 2, "wait": 10000})[0]
        assert header["op"] == "deliver"
        assert self.taker.ask({"op": "ack", "ch": "jobs", "rq": 3, "leases": header["leases"], "confirm": True})[0]["op"] == "ok"
        self.rounds += 1

    def work(self):
        try:
            while not self.is_over:
                self.round()
        except Exception as failure:
            self.failure = failure

    def __enter__(self):
        self.round()
        self.thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.is_over = True
        self.thread.join(PATIENCE_MS / 1000)
        self.maker.vanish()
        self.taker.vanish()
        if kind is None:
            assert self.failure is None and self.rounds > 1, self.failure


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setenv("ASAN_OPTIONS", "quarantine_size_mb=4")
    made = House(tmp_path)
    with Bus(BUILD, *made.arguments()) as made.bus:
        yield made
        assert made.bus.broker.child.poll() is None, "\n".join(made.bus.broker.lines[-60:])
        made.bus.endpoint = f"ipc://{made.bus.folder}/strato.native.sock"
        made.bus.assert_laws()
        assert_leaves_clean(made.bus)
        log = "\n".join(made.bus.broker.lines)
        for public, secret in [made.server, *made.pairs.values()]:
            assert secret.decode() not in log


@pytest.mark.parametrize("words", [
    b"", b"\0" * 100000, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    raw.greeting(), raw.greeting() + raw.ready(Socket_Type=b"DEALER") + raw.frame(pack({"op": "ping"})),
    raw.greeting(b"PLAIN") + raw.command(b"HELLO", b"\x05admin\x05admin"), raw.greeting(b"CURVE", 1),
    raw.greeting(b"CURVE") + raw.command(b"HELLO", b"\1\0" + bytes(192)),
    raw.greeting(b"CURVE") + raw.command(b"HELLO", bytes(3)), raw.greeting(b"CURVE") + raw.command(b"INITIATE", bytes(400)),
    raw.greeting(b"CURVE") + raw.frame(bytes(1000)), raw.greeting(b"CURVE") + b"\x02" + b"\xff" * 8 + bytes(1000),
], ids=["nothing", "zeros", "http", "tls", "greeting", "null", "plain", "server", "hello", "short", "initiate", "frame", "huge"])
def test_no_stranger_gets_a_word_in_on_any_port(house, words):
    with Others(house):
        for endpoint in house.endpoints():
            with raw.connect(endpoint) as peer:
                try:
                    peer.sendall(words)
                    peer.shutdown(1)
                except OSError:
                    pass
                assert b"READY" not in raw.read_until_end(peer)


def test_five_hundred_idle_strangers_do_not_keep_a_client_out(house):
    idle = []
    with Others(house):
        for _ in range(500):
            idle.append(raw.connect(house.bus.endpoint))
        idle[-1].settimeout(0.6)
        with pytest.raises(TimeoutError):  # none of them gets a word, and half a second passes
            while idle[-1].recv(4096):
                pass
        for _ in range(3):  # who comes now is served, and the oldest mute ones make room
            with house.peer("maker", zmq.REQ) as late:
                assert late.ask({"op": "ping", "rq": 1})[0]["op"] == "pong"
        house.bus.broker.wait_line(r"connection ended: it never said a word")
    for peer in idle:
        peer.close()


def test_a_herd_of_clients_is_let_in_however_many_stand_there(house):
    """After a restart all come at once, and each handshake takes a while: those that have begun do not go for others."""
    context = zmq.Context()
    herd = [context.socket(zmq.DEALER) for _ in range(600)]
    for socket in herd:
        socket.linger, socket.rcvtimeo = 0, PATIENCE_MS
        socket.curve_serverkey = house.server[0]
        socket.curve_publickey, socket.curve_secretkey = house.pairs["boss"]
        socket.connect(house.bus.endpoint)
        socket.send(pack({"op": "ping", "rq": 1}))
    answers = [values(socket.recv())[0] for socket in herd]
    assert {answer.get("name", answer["op"]) for answer in answers} <= {"pong", "E_LIMIT"}
    assert sum(answer["op"] == "pong" for answer in answers) == 64  # as many as a key may have
    context.destroy(linger=0)


def test_keys_that_come_and_go_disturb_nobody_else(house):
    path = house.folder / "keys.yaml"
    whole = path.read_text()
    with Others(house) as others:
        for i in range(6):
            before = others.rounds
            fresh = path.with_suffix(".new")
            fresh.write_text(whole if i % 2 else whole + f"  eve: {{key: '{house.pairs['eve'][0].decode()}', roles: [nobody]}}\n")
            fresh.replace(path)
            house.bus.broker.child.send_signal(1)
            house.bus.broker.wait_line(r"audit: keys read again")
            while others.rounds < before + 20 and others.failure is None:
                others.thread.join(0.01)
            assert others.failure is None, others.failure


def test_a_slow_handshake_ends_and_costs_the_others_nothing(house):
    with Others(house):
        slow = [raw.connect(house.bus.endpoint) for _ in range(20)]
        for byte in raw.greeting(b"CURVE")[:40]:
            for peer in slow:
                peer.send(bytes([byte]))
        for peer in slow:  # the broker's end comes by itself: HANDSHAKE_IVL
            raw.read_until_end(peer)
            peer.close()


def test_a_recorded_conversation_is_worth_nothing(house):
    """Every handshake has its own keys: the same bytes again are noise."""
    tape = raw.Tape(house.bus.endpoint)
    with house.peer("maker", zmq.REQ, tape.endpoint) as maker:
        assert maker.ask({"op": "put", "ch": "jobs", "rq": 1}, ENVELOPE)[0]["op"] == "ok"
    with raw.connect(house.bus.endpoint) as thief:
        thief.sendall(tape.sent)
        assert b"READY" not in raw.read_until_end(thief)
    with house.peer("boss", zmq.REQ) as boss:
        assert boss.ask({"op": "hist", "ch": "jobs", "rq": 1, "from_seq": 1})[0]["n"] == 1


def test_a_stolen_token_and_a_stolen_lease_need_their_own_key(house):
    with house.peer("maker") as maker, house.peer("taker") as thief, house.peer("taker", zmq.REQ) as taker, \
            house.peer("boss", zmq.REQ) as boss:
        welcome = maker.hello(agent="m")
        thief.send({"op": "hello", "token": welcome["token"], "rq": 1})
        assert thief.wait("err")["name"] == "E_TOKEN"
        maker.send({"op": "put", "ch": "jobs", "rq": 2}, ENVELOPE)
        assert maker.wait("ok", rq=2)
        leases = taker.ask({"op": "get", "ch": "jobs", "rq": 3, "wait": 5000})[0]["leases"]
        for op in ("ack", "nack", "extend"):
            answer = boss.ask({"op": op, "ch": "jobs", "rq": 4, "leases": leases, "confirm": True})[0]
            assert answer["name"] == "E_STALE_LEASE", answer
        assert taker.ask({"op": "ack", "ch": "jobs", "rq": 5, "leases": leases, "confirm": True})[0]["op"] == "ok"


def test_an_authenticated_peer_outside_its_rights_gets_nothing_at_all(house):
    harmless = {"E_FORBIDDEN", "E_PROTO", "E_NO_SESSION", "E_NO_CHANNEL", "E_NO_ENTRY", "E_STALE_LEASE", "E_NO_ROUTE", "E_CODEC",
                "E_FRAME", "E_SCHEMA", "E_LIMIT", "E_EPOCH", "E_TOKEN"}
    with Others(house) as others, house.peer("nobody") as peer:
        peer.hello(agent="n")
        for op in NAMES:
            if op in ("hello", "bye"):
                continue
            for more in ({}, {"i": 0, "ep": 1}, {"dir": "p"}, {"dir": "c"}, {"dir": "s", "declare": {"pattern": "work"}},
                         {"leases": ["1.1"]}, {"tags": [0]}, {"upto": HUGE}, {"limit": HUGE}):
                for channel in ("jobs", "gpu", "events", "@n", "brand.new"):
                    peer.send({"op": op, "ch": channel, "rq": 1, **more}, *([ENVELOPE] if op in ("put", "call", "reply") else []))
        answers = peer.settle()
        assert all(a["op"] in ("err", "pong") or a["op"] == "ok" and a.get("rq") == 1 for a in answers), answers[:5]
        assert {a["name"] for a in answers if a["op"] == "err"} <= harmless
        rounds = others.rounds
    with house.peer("boss", zmq.REQ) as boss:
        stats = boss.ask({"op": "admin.stats", "rq": 1})
        channels = {channel["name"]: channel for channel in stats[1]["payload"]["channels"]}
        assert "brand.new" not in channels
        assert channels["gpu"]["accepted"] == channels["events"]["accepted"] == 0
        assert channels["jobs"]["accepted"] >= rounds


def test_bombs_of_an_authenticated_peer_are_refused_by_name(house):
    with Others(house), house.peer("maker", zmq.REQ) as maker:
        before = resident_kib(house.bus)
        for bomb in (b"\xdf\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff", b"\x81" * 100, b"\x91" * 5000, b"\xc6\xff\xff\xff\xff",
                     b"\x82\xa2op\xa3put\xa1x\xdd\xff\xff\xff\xff"):
            maker.socket.send(bomb)
            assert values(maker.socket.recv())[0]["op"] == "err"
            maker.socket.send(pack({"op": "put", "ch": "jobs", "rq": 1}) + bomb)
            assert values(maker.socket.recv())[0]["name"] in ("E_CODEC", "E_FRAME", "E_SCHEMA", "E_LIMIT")
        assert resident_kib(house.bus) < before + 65536


def test_an_endless_message_of_an_authenticated_peer_ends_with_an_error(house):
    with Others(house), house.peer("maker") as maker:
        maker.socket.send_multipart([pack({"op": "put", "ch": "jobs", "rq": 1}, ENVELOPE)] + [b"z" * 1024] * 20000)
        assert maker.wait("err")["name"] in ("E_FRAME", "E_LIMIT")


@pytest.mark.parametrize("name", ["User-Id", "Peer-Address", "Identity"])
def test_what_a_peer_says_of_itself_is_not_believed(house, name):
    """libzmq lets a peer send properties of any name; only what our handler said counts."""
    endpoint = f"ipc://{house.bus.folder}/strato.native.sock"
    with raw.connect(endpoint) as peer:
        forged = house.pairs["boss"][0] if name == "User-Id" else b"127.0.0.1"
        peer.sendall(raw.greeting() + raw.ready(Socket_Type=b"DEALER", **{name: forged}))
        while b"READY" not in peer.recv(65536):
            pass
        peer.sendall(raw.frame(pack({"op": "put", "ch": "jobs", "rq": 1}, ENVELOPE)))
        while b"E_PROTO" not in (seen := peer.recv(65536)) and b"seq" not in seen:
            assert seen
    with house.peer("taker", zmq.REQ) as taker:
        header, *envelopes = taker.ask({"op": "get", "ch": "jobs", "rq": 1})
        assert header["op"] == "err" if name == "Identity" else envelopes[0]["sender"] == "local", (header, envelopes)
