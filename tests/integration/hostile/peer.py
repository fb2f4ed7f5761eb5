"""A peer without manners: frames of every shape, from any socket, and a broker that must survive them.

SPDX-License-Identifier: MIT
"""

import io
import os
import pathlib
import sys
import time

import msgpack
import yaml
import zmq

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/lib"))

from processes import Bus  # noqa: E402

BUILD = pathlib.Path(os.environ["TEST_BUILD"])
PATIENCE_MS = 30000  # no claim about speed: how long until a test gives up
OPERATIONS = yaml.safe_load((ROOT / "schemas/operations.yaml").read_text())
NAMES = [op["name"] for op in OPERATIONS["operations"] if op["name"] != "admin"] + \
        ["admin." + op["name"] for op in OPERATIONS["admin"]]
KEYS = list(OPERATIONS["keys"])
HUGE = 2**64 - 1


def pack(*values):
    return b"".join(value if isinstance(value, bytes) else msgpack.packb(value, use_bin_type=True) for value in values)


def values(data):
    """Everything in a frame; text that is no UTF-8 raises, since a broker must not send any."""
    return list(msgpack.Unpacker(io.BytesIO(data), raw=False, strict_map_key=False, max_buffer_size=0))


class Peer:
    """One DEALER with its own context, so that it can vanish without a word."""

    def __init__(self, endpoint, kind=zmq.DEALER):
        self.context = zmq.Context()
        self.socket = self.context.socket(kind)
        self.socket.linger = 0
        self.socket.rcvtimeo = PATIENCE_MS
        self.socket.sndtimeo = PATIENCE_MS
        self.socket.rcvhwm = 0  # it says a lot before it reads; a peer whose queue is full would be sent away, rightly
        self.socket.connect(endpoint)

    def send(self, header, *envelopes, blobs=()):
        self.socket.send_multipart([pack(header, *envelopes), *blobs])

    def receive(self):
        """The next frame's header; frames that are empty (probes) are passed over, and make nobody wait longer."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while time.monotonic() < deadline:
            data = self.socket.recv_multipart()[0]
            if data:
                return values(data)[0]
        raise TimeoutError(f"nothing but probes for {PATIENCE_MS} ms")

    def wait(self, op, **keys):
        while True:
            header = self.receive()
            if header["op"] == op and all(header.get(key) == value for key, value in keys.items()):
                return header

    def settle(self, mark="settled"):
        """Everything sent so far was decided; the headers that came meanwhile."""
        self.send({"op": "ping", "rq": mark})
        seen = []
        while True:
            header = self.receive()
            if header["op"] == "pong" and header.get("rq") == mark:
                return seen
            seen.append(header)

    def hello(self, **keys):
        self.send({"op": "hello", **keys})
        return self.wait("welcome")

    def vanish(self):
        self.context.destroy(linger=0)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.vanish()


def resident_kib(bus):
    for line in pathlib.Path(f"/proc/{bus.broker.child.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def assert_well(bus):
    """The broker lives, serves others and keeps its laws."""
    assert bus.broker.child.poll() is None, "the broker died:\n" + "\n".join(bus.broker.lines[-60:])
    bus.strato("ping", "--count", "1")
    bus.assert_laws()


def assert_leaves_clean(bus):
    """An ordinary stop, with nothing to say for a sanitizer."""
    status = bus.broker.stop()
    log = "\n".join(bus.broker.lines)
    assert status in (0, 3), log[-6000:]
    assert "ERROR: " not in log and "runtime error" not in log, log[-6000:]
