"""ZMTP by hand: what no library would send.

SPDX-License-Identifier: MIT
"""

import socket
import threading


def greeting(mechanism=b"NULL", as_server=0):
    return b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01" + mechanism.ljust(20, b"\0") + bytes([as_server]) + bytes(31)


def command(name, body):
    data = bytes([len(name)]) + name + body
    return (b"\x04" + bytes([len(data)]) if len(data) < 256 else b"\x06" + len(data).to_bytes(8, "big")) + data


def ready(**properties):
    body = b"".join(bytes([len(name)]) + name.encode() + len(value).to_bytes(4, "big") + value
                    for name, value in ((name.replace("_", "-"), value) for name, value in properties.items()))
    return command(b"READY", body)


def frame(data, more=False):
    flags = int(more)
    return (bytes([flags, len(data)]) if len(data) < 256 else bytes([flags | 2]) + len(data).to_bytes(8, "big")) + data


def connect(endpoint, timeout=30):
    """To tcp://host:port or ipc://path."""
    if endpoint.startswith("ipc://"):
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(timeout)
        made.connect(endpoint[6:])
        return made
    host, port = endpoint[6:].rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout)


def read_until_end(peer):
    """All that comes before the other side closes."""
    data = b""
    try:
        while True:
            got = peer.recv(65536)
            if not got:
                return data
            data += got
    except ConnectionError:
        return data


class Tape:
    """A TCP relay that remembers what went to the broker."""

    def __init__(self, endpoint):
        self.target = endpoint
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.sent = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        client, _ = self.listener.accept()
        broker = connect(self.target, None)
        threading.Thread(target=self._relay, args=(broker, client, False), daemon=True).start()
        self._relay(client, broker, True)

    def _relay(self, source, sink, keeps):
        try:
            while True:
                data = source.recv(65536)
                if keeps:
                    self.sent += data
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
        except OSError:
            return
