"""Start a stratod on free ports, know its endpoints, speak to it with plain pyzmq.

No code of this project is used on the client side: what these tests do, any ZeroMQ program can do.

SPDX-License-Identifier: MIT
"""

import io
import os
import re
import signal
import subprocess
import tempfile
import threading
import time

import msgpack
import zmq

STRATOD = os.environ["STRATOD"]
PATIENCE_S = 30  # no claim about speed: how long until a test gives up


class Stratod:
    """A running broker; `lines` is its standard error so far."""

    def __init__(self, *arguments, environment=None):
        self.folder = tempfile.TemporaryDirectory()
        command = [STRATOD, "--port", "0", "--run-dir", self.folder.name, "--connections", "256", "--services", ""]
        self.child = subprocess.Popen(command + list(arguments), stderr=subprocess.PIPE, text=True, errors="replace",
                                      env={**os.environ, **(environment or {})})
        self.lines = []
        self._grown = threading.Condition()
        self._ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stderr:
            with self._grown:
                self.lines.append(line.rstrip("\n"))
                self._grown.notify_all()
        with self._grown:
            self._ended = True
            self._grown.notify_all()

    def wait_line(self, pattern):
        deadline = time.monotonic() + PATIENCE_S
        with self._grown:
            while True:
                for line in self.lines:
                    found = re.search(pattern, line)
                    if found:
                        return found
                left = deadline - time.monotonic()
                if self._ended or left <= 0 or not self._grown.wait(left):
                    raise AssertionError(f"no line like {pattern!r} in:\n" + "\n".join(self.lines))

    def endpoint(self, edge, transport="tcp"):
        self.wait_line(r"ready endpoint=")
        for line in self.lines:
            found = re.search(r"listening edge=(\S+) endpoint=(\S+)", line)
            if found and found[1] == edge and found[2].startswith(transport):
                return found[2].strip('"')
        raise AssertionError(f"no edge {edge} in:\n" + "\n".join(self.lines))

    def stop(self, number=signal.SIGTERM):
        if self.child.poll() is None:
            self.child.send_signal(number)
        return self.child.wait(PATIENCE_S)

    def __enter__(self):
        self.wait_line(r"\bready\b")
        return self

    def __exit__(self, kind, value, trace):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.folder.cleanup()


class Sockets:
    """A context whose sockets never outlive the test, with timeouts instead of hanging."""

    def __enter__(self):
        self.context = zmq.Context()
        return self

    def __exit__(self, kind, value, trace):
        self.context.destroy(linger=0)

    def connect(self, kind, endpoint, **options):
        socket = self.context.socket(kind)
        socket.linger = 1000
        socket.rcvtimeo = PATIENCE_S * 1000
        socket.sndtimeo = PATIENCE_S * 1000
        for name, value in options.items():
            setattr(socket, name, value)
        socket.connect(endpoint)
        return socket


def frame(header, *envelopes):
    return b"".join(msgpack.packb(part, use_bin_type=True) for part in (header, *envelopes))


def values(data):
    return list(msgpack.Unpacker(io.BytesIO(data), raw=False, strict_map_key=False))


def ask(req, header, *envelopes, attachments=()):
    """One L1 request on a REQ socket: the answer's header, envelopes and attachments."""
    req.send_multipart([frame(header, *envelopes), *attachments])
    answer = req.recv_multipart()
    header, *rest = values(answer[0])
    return header, rest, answer[1:]


def eventually(claim, what):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = claim()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"never came true: {what}")
        time.sleep(0.005)
