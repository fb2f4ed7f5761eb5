"""Durable channels of a real stratod: kill -9, a disk that refuses, a file that is damaged.

SPDX-License-Identifier: MIT
"""

import os
import random
import resource
import signal
import subprocess
import threading

import pytest
import zmq

from stratod import STRATOD, Sockets, Stratod, ask, eventually

CONFIG = """
channels:
  - {name: orders, durable: yes, capacity: 100000}
  - {name: plain}
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "stratod.yaml").write_text(CONFIG)
    return tmp_path


def start(place, *arguments):
    return Stratod("--config", str(place / "stratod.yaml"), "--data", str(place / "data"), *arguments)


def check(place):
    return subprocess.run([STRATOD, "--check-store", str(place / "data")], capture_output=True, text=True, timeout=60,
                          check=False)


class Asker:
    """One REQ socket."""

    def __init__(self, sockets, broker):
        self.req = sockets.connect(zmq.REQ, broker.endpoint("native"))

    def put(self, name, channel="orders"):
        return ask(self.req, {"op": "put", "ch": channel, "rq": 1}, {"type": "order", "id": name})[0]

    def take(self, count=64):
        header, envelopes, _ = ask(self.req, {"op": "get", "ch": "orders", "rq": 2, "n": count})
        return (header["leases"], [e["id"] for e in envelopes]) if header["op"] == "deliver" else ([], [])

    def ack(self, leases):
        return ask(self.req, {"op": "ack", "ch": "orders", "rq": 3, "leases": leases, "confirm": True})[0]


def test_a_put_says_disk_and_another_channel_memory(place, sockets):
    with start(place) as broker:
        asker = Asker(sockets, broker)
        assert asker.put("a")["durability"] == "disk"
        assert asker.put("b", "plain")["durability"] == "memory"
        assert broker.stop() == 3  # what was in `plain` is gone, and said
        broker.wait_line(r"stopped leased_abandoned=0 dropped_shutdown=1 kept=1 unsynced=0")


def put_until_killed(sockets, broker, tag, confirmed, sent):
    asker = Asker(sockets, broker)
    asker.req.rcvtimeo = 500
    for k in range(1000000):
        name = f"{tag}-{k}"
        sent.add(name)
        try:
            if asker.put(name).get("op") == "ok":
                confirmed.add(name)
        except zmq.ZMQError:
            return


@pytest.mark.parametrize("seed", range(4))
def test_nothing_confirmed_is_lost_by_kill_nine_and_nothing_settled_comes_back(place, seed):
    rng = random.Random(seed)
    confirmed, sent, settled, unsure = set(), set(), set(), set()
    for life in range(3):
        with Sockets() as sockets, start(place) as broker:
            makers = [threading.Thread(target=put_until_killed, args=(sockets, broker, f"{life}.{i}", confirmed, sent))
                      for i in range(4)]
            for maker in makers:
                maker.start()
            taker = Asker(sockets, broker)
            taker.req.rcvtimeo = 500
            wanted = rng.randrange(5, 400)
            eventually(lambda: len(confirmed) > wanted * (life + 1), "some puts are confirmed")
            for _ in range(rng.randrange(4)):
                leases, names = taker.take(rng.randrange(1, 64))
                if leases:
                    unsure.update(names)
                    if taker.ack(leases)["op"] == "ok":
                        settled.update(names)
            broker.child.send_signal(signal.SIGKILL)
            for maker in makers:
                maker.join()
    with Sockets() as sockets, start(place) as broker:
        asker = Asker(sockets, broker)
        found = []
        while True:
            leases, names = asker.take()
            if not names:
                break
            found += names
            assert asker.ack(leases)["op"] == "ok"
        assert len(found) == len(set(found)), "a message came twice"
        assert not settled & set(found), "a confirmed settle came back"
        assert not (confirmed - unsure) - set(found), "a confirmed message is lost"
        assert set(found) <= sent
        assert broker.stop() == 0
    assert check(place).returncode == 0


def test_attempts_survive_kill_nine(place):
    for attempts in (1, 2, 3):
        with Sockets() as sockets, start(place) as broker:
            asker = Asker(sockets, broker)
            if attempts == 1:
                asker.put("poison")
            header, envelopes, _ = ask(asker.req, {"op": "get", "ch": "orders", "rq": 2, "n": 1})
            assert header["op"] == "deliver"  # an L1 lease is started at once
            assert envelopes[0]["attempts"] == attempts
            asker.put("barrier", "orders")
            broker.child.send_signal(signal.SIGKILL)
            broker.child.wait()


def test_a_disk_that_refuses_is_told_and_memory_channels_go_on(place, sockets):
    with start(place) as broker:
        asker = Asker(sockets, broker)
        assert asker.put("before")["op"] == "ok"
        resource.prlimit(broker.child.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        answer = asker.put("refused")
        assert answer["op"] == "err" and answer["name"] == "E_STORE"
        assert "space" in answer["detail"] or "disk" in answer["detail"]
        assert asker.put("refused too")["name"] == "E_STORE"
        assert asker.put("goes on", "plain")["op"] == "ok"
        broker.wait_line("store fails")
        resource.prlimit(broker.child.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        broker.wait_line("store works again")
        assert eventually(lambda: asker.put("after")["op"] == "ok", "puts are taken again")
        broker.child.send_signal(signal.SIGKILL)
        broker.child.wait()
    with Sockets() as again, start(place) as broker:
        names = Asker(again, broker).take()[1]
        assert "before" in names and "after" in names and "refused too" not in names


def test_a_second_broker_on_the_same_data_does_not_start(place):
    with start(place):
        other = subprocess.run([STRATOD, "--port", "0", "--services", "", "--data", str(place / "data")], capture_output=True,
                               text=True, timeout=60, check=False)
        assert other.returncode == 1
        assert "another broker uses this data directory" in other.stderr
        looked = check(place)
        assert looked.returncode == 1 and "stop it first" in looked.stderr


def test_a_damaged_file_is_found_said_and_kept(place, sockets):
    with start(place) as broker:
        asker = Asker(sockets, broker)
        for k in range(200):
            asker.put(f"m{k}")
        assert broker.stop() == 0
    path = place / "data" / "stratoswarm.db"
    assert check(place).returncode == 0
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(20000))
    looked = check(place)
    assert looked.returncode == 1
    with start(place) as broker:
        broker.wait_line(r"store read .*(quarantined=[1-9]|damaged-)")
        assert broker.stop() == 0
    assert path.exists() and list((place / "data").glob("*stratoswarm.db"))


def test_a_data_directory_that_cannot_be_used_stops_the_start(tmp_path):
    (tmp_path / "file").write_text("x")
    done = subprocess.run([STRATOD, "--port", "0", "--services", "", "--data", str(tmp_path / "file")], capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "cannot start" in done.stderr and str(tmp_path / "file") in done.stderr


def test_durable_without_data_is_a_configuration_error(place):
    done = subprocess.run([STRATOD, "--config", str(place / "stratod.yaml")], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 2
    assert "data" in done.stderr
