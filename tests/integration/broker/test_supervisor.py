"""stratod under a supervisor that listens as systemd does: ready, alive, reloading, stopping.

SPDX-License-Identifier: MIT
"""

import signal
import socket

import pytest

from stratod import PATIENCE_S, Stratod


@pytest.fixture(params=["path", "abstract"])
def supervisor(request, tmp_path):
    """(socket, its name for NOTIFY_SOCKET)"""
    name = str(tmp_path / "notify") if request.param == "path" else f"@strato-{tmp_path.name}-{id(tmp_path)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(name.replace("@", "\0", 1))
        heard.settimeout(PATIENCE_S)
        yield heard, name


def test_ready_reload_and_stop_are_told(supervisor):
    heard, name = supervisor
    with Stratod(environment={"NOTIFY_SOCKET": name}) as broker:
        assert heard.recv(4096).decode().startswith("READY=1\n")
        broker.child.send_signal(signal.SIGHUP)
        assert heard.recv(4096).decode().startswith("RELOADING=1\nMONOTONIC_USEC=")
        assert heard.recv(4096).decode() == "READY=1"
        broker.child.send_signal(signal.SIGTERM)
        assert heard.recv(4096).decode().startswith("STOPPING=1\n")


def test_the_watchdog_is_fed_while_the_core_answers(supervisor):
    heard, name = supervisor
    with Stratod(environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "200000"}):
        assert heard.recv(4096).decode().startswith("READY=1\n")
        for _ in range(3):
            assert heard.recv(4096).decode() == "WATCHDOG=1"


def test_a_watchdog_of_another_process_is_not_fed(supervisor):
    heard, name = supervisor
    with Stratod(environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}) as broker:
        assert heard.recv(4096).decode().startswith("READY=1\n")
        broker.child.send_signal(signal.SIGTERM)
        assert heard.recv(4096).decode().startswith("STOPPING=1\n")


def test_a_socket_that_is_not_there_stops_nobody():
    with Stratod(environment={"NOTIFY_SOCKET": "/nowhere/at/all"}) as broker:
        broker.wait_line("the supervisor cannot be told")
