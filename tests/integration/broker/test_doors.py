"""How many may stand at the door: all connections together, and those from which not a byte has come.

SPDX-License-Identifier: MIT
"""

import socket

import zmq

from stratod import Sockets, Stratod, ask

CONNECTIONS, MUTE = 12, 4


def dial(endpoint):
    host, port = endpoint[6:].rsplit(":", 1)
    return socket.create_connection((host, int(port)), 30)


def read_until_end(peer):
    """A shut connection ends; one that is kept would hang here until the timeout fails the test."""
    try:
        while peer.recv(4096):
            pass
    except ConnectionError:
        pass


def is_kept(peer, ms=200):
    """Greeting at most, no end."""
    peer.settimeout(ms / 1000)
    try:
        while True:
            if not peer.recv(4096):
                return False
    except TimeoutError:
        return True
    except ConnectionError:
        return False


def broker():
    return Stratod("--config", "/dev/null", "--connections", str(CONNECTIONS), "--mute-connections", str(MUTE))


def test_one_mute_connection_too_many_ends_the_oldest_and_a_client_is_served():
    with broker() as running, Sockets() as sockets:
        native = running.endpoint("native")
        begun = dial(native)
        begun.sendall(b"\xff" + bytes(8) + b"\x7f")  # a greeting's first bytes: not mute, and not to go for others
        silent = [dial(native) for _ in range(MUTE)]
        assert all(is_kept(peer, 150) for peer in silent)  # longer than the half second that a greeting has
        silent.append(dial(native))
        silent[0].settimeout(30)
        read_until_end(silent[0])
        assert all(is_kept(peer, 50) for peer in silent[1:])
        assert is_kept(begun, 50)
        running.wait_line(r"connection ended: it never said a word.* total=1")
        req = sockets.connect(zmq.REQ, native)  # a client comes, and the next oldest makes room
        assert ask(req, {"op": "ping", "rq": 1})[0]["op"] == "pong"
        for peer in [begun, *silent]:
            peer.close()


def test_all_connections_together_have_a_bound_and_a_place_that_is_free_is_free():
    with broker() as running, Sockets() as sockets:
        other = running.endpoint("pub_out")
        peers = [dial(other) for _ in range(CONNECTIONS)]
        assert all(is_kept(peer, 50) for peer in peers)
        late = dial(other)
        read_until_end(late)
        running.wait_line(r"connection turned away: as many are open as.* open=13 total=1")
        over_unix = sockets.connect(zmq.REQ, running.endpoint("native", "ipc"))  # turned away, and tries again
        peers.pop().close()
        assert ask(over_unix, {"op": "ping", "rq": 1})[0]["op"] == "pong"
        for peer in [late, *peers]:
            peer.close()
