"""strato doctor tells apart what otherwise looks alike: nobody answers.

SPDX-License-Identifier: MIT
"""

import io
import json
import socket
import threading
import time

import msgpack
import pytest
import zmq

from conftest import BUILD, Cli
from processes import Bus


def examine(cli, server, *arguments, environment=None):
    """The exit code, and the words of the checks by name."""
    done = cli.run("doctor", "--json", "--timeout", "5s", "--server", server, *arguments, environment=environment)
    told = json.loads(done.stdout)
    assert told["ok"] == (done.returncode == 0) and done.stderr == ""
    return done.returncode, {check["name"]: (check["result"], check["detail"]) for check in told["checks"]}


@pytest.fixture
def cli():
    return Cli("ipc:///nonexistent")


@pytest.fixture
def pairs(cli, tmp_path):
    made = {}
    for name in ("stratod", "trainer", "eve"):
        made[name] = tmp_path / f"{name}.key"
        cli.ok("key", "new", name, "--out", made[name])
    cli.ok("key", "allow", "trainer", made["trainer"], "--keys", tmp_path / "keys.yaml")
    return made


@pytest.fixture
def guarded(pairs, tmp_path):
    with Bus(BUILD, "--config", "/dev/null", "--services", "", "--keys", tmp_path / "keys.yaml", "--server-key",
             pairs["stratod"]) as bus:
        yield bus.endpoint


@pytest.fixture
def open_bus():
    with Bus(BUILD, "--config", "/dev/null", "--services", "") as bus:
        yield bus


def keys(pairs, own, server="stratod"):
    return ["--key", pairs[own], "--server-key", pairs[server]]


def test_all_is_well_with_and_without_keys(cli, guarded, open_bus, pairs):
    code, checks = examine(cli, guarded, *keys(pairs, "trainer"))
    assert code == 0 and checks["handshake"] == ("ok", "the broker is the one of this server key, and lets the key in")
    assert checks["session"][0] == "ok" and checks["clock"][0] == "ok" and "observe" in checks["devices"][1]
    code, checks = examine(cli, open_bus.endpoint)
    assert code == 0 and "asks for no keys" in checks["network"][1] and "no device" in checks["devices"][1]
    code, checks = examine(cli, f"ipc://{open_bus.folder}/strato.native.sock")
    assert code == 0 and checks["network"][0] == "ok"


def test_a_key_that_is_not_allowed(cli, guarded, pairs):
    code, checks = examine(cli, guarded, *keys(pairs, "eve"))
    assert code == 4 and checks["handshake"][0] == "failed" and checks["handshake"][1].startswith("key not allowed")
    assert "session" not in checks


def test_a_wrong_server_key(cli, guarded, pairs):
    code, checks = examine(cli, guarded, *keys(pairs, "trainer", server="eve"))
    assert code == 4 and checks["handshake"][1].startswith("wrong server key")


def test_keys_that_are_asked_for_and_not_given_and_the_other_way(cli, guarded, open_bus, pairs):
    code, checks = examine(cli, guarded)
    assert code == 4 and "asks for a key, and none is given" in checks["network"][1]
    code, checks = examine(cli, open_bus.endpoint, *keys(pairs, "trainer"))
    assert code == 4 and "asks for no keys, and keys are given" in checks["network"][1]


def test_nobody_there(cli):
    with socket.socket() as taken:  # bound and not listening: nobody else gets the port
        taken.bind(("127.0.0.1", 0))
        code, checks = examine(cli, f"tcp://127.0.0.1:{taken.getsockname()[1]}")
        assert code == 3 and checks["network"][1].startswith("unreachable: Connection refused")
    code, checks = examine(cli, "tcp://no.such.host.invalid:7700")
    assert code == 3 and "does not resolve" in checks["network"][1]


class Foreign:
    """A TCP service that says something, or nothing, to whoever connects."""

    def __init__(self, words):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.words, self.taken = words, []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.taken.append(peer)
            if self.words:
                peer.sendall(self.words)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.listener.close()
        for peer in self.taken:
            peer.close()


def test_a_port_in_use_by_another_service_and_by_whom(cli):
    with Foreign(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<html>no</html>") as other:
        code, checks = examine(cli, other.endpoint)
        assert code == 3 and "in use by something that is no broker" in checks["network"][1]
        assert "pid" in checks["network"][1], checks
    with Foreign(b"") as mute:
        done = cli.run("doctor", "--timeout", "300ms", "--server", mute.endpoint)
        assert done.returncode == 3 and "says nothing" in done.stdout


def test_key_files_are_looked_at_first(cli, pairs):
    pairs["trainer"].chmod(0o644)
    code, checks = examine(cli, "tcp://127.0.0.1:1", *keys(pairs, "trainer"))
    assert code == 2 and "chmod 600" in checks["keys"][1] and "network" not in checks
    code, checks = examine(cli, "tcp://127.0.0.1:1", "--key", pairs["eve"])
    assert code == 2 and "both are needed" in checks["keys"][1]


class FakeBroker(threading.Thread):
    """A ROUTER that answers every frame with the same header; pings come back as pongs."""

    def __init__(self, header):
        super().__init__(daemon=True)
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.router.linger = 0
        self.endpoint = f"tcp://127.0.0.1:{self.router.bind_to_random_port('tcp://127.0.0.1')}"
        self.header, self.is_over = header, False
        self.start()

    def run(self):
        while not self.is_over:
            if not self.router.poll(50):
                continue
            peer, frame = self.router.recv_multipart()[:2]
            asked = next(iter(msgpack.Unpacker(io.BytesIO(frame), raw=False)), {}) if frame else {}
            answer = dict(self.header)
            if asked.get("op") == "ping":
                answer = {"op": "pong", "t": asked.get("t")}
            if "rq" in asked:
                answer["rq"] = asked["rq"]
            self.router.send_multipart([peer, msgpack.packb(answer)])

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.is_over = True
        self.join()
        self.context.destroy(linger=0)


def test_another_version_of_the_protocol(cli):
    with FakeBroker({"op": "err", "code": 101, "name": "E_VERSION"}) as fake:
        code, checks = examine(cli, fake.endpoint)
    assert code == 1 and checks["session"][1].startswith("version mismatch")


def test_a_clock_that_is_wrong(cli):
    welcome = {"op": "welcome", "sid": "s1", "token": b"\0" * 32, "ep": 1, "epoch": int(time.time() * 1000) + 3600000,
               "resumed": False, "hb_ms": 5000, "agent": "a", "limits": {}}
    with FakeBroker(welcome) as fake:
        code, checks = examine(cli, fake.endpoint)
    assert code == 1 and checks["clock"][0] == "failed" and "clocks is wrong" in checks["clock"][1]
