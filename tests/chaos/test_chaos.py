"""Processes are killed, stopped and cut off under load; what was confirmed is accounted for, and the laws hold.

SPDX-License-Identifier: MIT
"""

import os
import random
import resource
import signal
import socket
import time

import pytest

from ledger import Account
from swarm import BUILD, Swarm, eventually

IS_SANITIZED = bool(os.environ.get("STRATO_SANITIZE"))


def crowd(swarm, senders=2, takers=2):
    made = [swarm.client("send", f"sender{i}") for i in range(senders)]
    made += [swarm.client("take", f"taker{i}") for i in range(takers)]
    for client in made:
        client.gets_on("s" if client.name.startswith("sender") else "r", 5)
    return made[:senders], made[senders:]


def test_a_killed_producer_leaves_no_slot_taken_and_nothing_it_was_confirmed_is_lost():
    with Swarm() as swarm:
        senders, _ = crowd(swarm, senders=3)
        senders[0].kill()
        senders[1].gets_on("c", 300)
        senders[1].kill()
        senders[2].gets_on("c", 300)
        account = swarm.settle()
        assert swarm.counts()["granted"] <= 64
        assert len(account.confirmed) > 300


def test_a_killed_consumer_gives_back_what_it_held():
    with Swarm() as swarm:
        senders, takers = crowd(swarm)
        takers[0].kill()
        senders[0].gets_on("c", 100)
        swarm.settle()


def test_stopped_clients_are_let_go_and_come_back():
    with Swarm() as swarm:
        senders, takers = crowd(swarm)
        takers[0].pause()
        senders[0].pause()
        eventually(lambda: sum("session detached" in line for line in swarm.bus.broker.lines) >= 2,
                   "the broker lets go of both")
        senders[1].gets_on("c", 100)
        senders[0].go_on()
        takers[0].go_on()
        senders[0].gets_on("c", 50)
        takers[0].gets_on("r", 20)
        swarm.settle()


def test_a_stopped_broker_is_waited_for():
    with Swarm() as swarm:
        senders, takers = crowd(swarm)
        before = swarm.proxy.accepted
        swarm.bus.broker.child.send_signal(signal.SIGSTOP)
        eventually(lambda: swarm.proxy.accepted > before, "somebody gave the connection up and connects again")
        swarm.bus.broker.child.send_signal(signal.SIGCONT)
        for sender in senders:
            sender.gets_on("c", 100)
        for taker in takers:
            taker.gets_on("r", 20)
        swarm.settle()


def test_reset_connections_are_resumed_without_loss_or_silent_duplicate():
    with Swarm() as swarm:
        senders, takers = crowd(swarm)
        for _ in range(6):
            swarm.proxy.cut()
            senders[0].gets_on("c", 20)
            takers[0].gets_on("r", 5)
        swarm.settle()


def test_a_killed_broker_is_found_again_at_another_address():
    with Swarm() as swarm:
        senders, takers = crowd(swarm)
        for _ in range(2):
            swarm.replace_broker()
            for sender in senders:
                sender.gets_on("c", 50)
            for taker in takers:
                taker.gets_on("r", 20)
        epoch = max(Account(swarm.folder).confirmed.values())
        # What earlier brokers held in memory went with them; what the last one confirmed must be there.
        swarm.settle(is_whole=False, epoch=epoch)


def test_a_durable_channel_outlives_broker_after_broker_under_load():
    """Not one message that any of them confirmed is lost, and none comes back whose settling one of them confirmed."""
    with Swarm(is_durable=True) as swarm:
        senders, takers = crowd(swarm)
        for round_ in range(5):
            swarm.replace_broker()
            senders[round_ % 2].gets_on("c", 40)
            takers[round_ % 2].gets_on("k", 20)
        account = swarm.settle(is_whole=False)
        assert len(set(account.confirmed.values())) > 1 and len(account.settled) > 100


def test_a_disk_that_fills_up_under_load_holds_producers_back_and_loses_nothing():
    with Swarm(is_durable=True) as swarm:
        senders, takers = crowd(swarm)
        for _ in range(2):
            pid = swarm.bus.broker.child.pid
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
            failures = len([line for line in swarm.bus.broker.lines if "store fails" in line])
            eventually(lambda: sum("store fails" in line for line in swarm.bus.broker.lines) > failures, "the store fails")
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            senders[0].gets_on("c", 40)
            takers[0].gets_on("k", 20)
        swarm.replace_broker()
        senders[1].gets_on("c", 20)
        swarm.settle(is_whole=False)


def test_a_wall_clock_that_jumps_changes_nothing(tmp_path):
    step = tmp_path / "step"
    step.write_text("0")
    environment = {"STRATO_CLOCK_STEP": step, "LD_PRELOAD": BUILD / "tests/chaos/libclock_shim.so"}
    if IS_SANITIZED:
        environment["ASAN_OPTIONS"] = "verify_asan_link_order=0"
    with Swarm(environment=environment) as swarm:
        senders, takers = crowd(swarm)
        for seconds in (90000, -90000, 0):
            step.write_text(str(seconds))
            senders[0].gets_on("c", 50)
            takers[0].gets_on("r", 20)
        account = swarm.settle()
        assert len(account.received) >= len(account.confirmed) > 100
        assert swarm.counts()["expired"] == 0


@pytest.mark.parametrize("trouble", ["none", "cut", "consumer killed", "producer stopped"])
def test_a_drain_amid_trouble_counts_what_it_leaves_behind(trouble):
    with Swarm("--drain-timeout", "3s") as swarm:
        senders, takers = crowd(swarm)
        if trouble == "cut":
            swarm.proxy.cut()
        elif trouble == "consumer killed":
            takers[0].kill()
        elif trouble == "producer stopped":
            senders[0].pause()
        status = swarm.bus.broker.stop()
        log = "\n".join(swarm.bus.broker.lines)
        assert status in (0, 3), log
        account = Account(swarm.folder)
        left = swarm.bus.broker.wait_line(r"stopped leased_abandoned=(\d+) dropped_shutdown=(\d+)")
        lost = account.lost()
        assert len(lost) <= int(left[1]) + int(left[2]), f"{len(lost)} lost and {left[0]}"


def open_raw(port, count):
    """TCP connections that never say a word."""
    raw = []
    for _ in range(count):
        s = socket.socket()
        s.settimeout(5)
        try:
            s.connect(("127.0.0.1", port))
        except OSError:
            s.close()
            break
        raw.append(s)
    return raw


def need_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip(f"this test needs {count} descriptors, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def test_five_hundred_silent_peers_keep_nobody_from_being_served():
    need_descriptors(1200)
    with Swarm("--connections", "1024") as swarm:
        raw = open_raw(swarm.port, 500)
        assert len(raw) == 500
        senders, takers = crowd(swarm, senders=1, takers=1)
        senders[0].gets_on("c", 100)
        takers[0].gets_on("r", 50)
        for s in raw:
            s.close()
        swarm.settle()


def cpu_share(pid, seconds):
    """Share of one processor that a process used for a while; the while is what is measured."""

    def used():
        fields = open(f"/proc/{pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    began, before = time.monotonic(), used()
    time.sleep(seconds)
    return (used() - before) / (time.monotonic() - began)


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_without_descriptors_the_broker_lives_idles_and_recovers():
    limit = 560
    need_descriptors(2000)
    with Swarm(wrapper=("prlimit", f"--nofile={limit}:{limit}")) as swarm:
        senders, takers = crowd(swarm, senders=1, takers=1)
        pid = swarm.bus.broker.child.pid
        raw = open_raw(swarm.port, limit + 200)
        swarm.bus.broker.wait_line("connection turned away")
        assert descriptors(pid) > limit / 2
        senders[0].gets_on("c", 50)  # who was there before is served
        for client in senders + takers:
            client.pause()
        share = cpu_share(pid, 1)
        for client in senders + takers:
            client.go_on()
        assert share < 0.2, f"{share:.0%} of a processor for nothing"
        for s in raw:
            s.close()
        late = swarm.client("take", "late")
        late.gets_on("r", 10)
        swarm.settle()


@pytest.mark.parametrize("kind_of_channel", ["memory", "durable"])
def test_anything_at_any_moment(request, kind_of_channel):
    """The long run: --minutes M of random faults from --seed S; the default is a few seconds. With a store the broker is killed too."""
    minutes, seed = request.config.getoption("--minutes"), request.config.getoption("--seed")
    chance = random.Random(seed)
    until = time.monotonic() + minutes * 60
    serial = 0
    is_durable = kind_of_channel == "durable"
    faults = ["cut", "kill", "stop"] + ["broker"] * is_durable
    with Swarm(is_durable=is_durable) as swarm:
        senders, takers = crowd(swarm, senders=3, takers=3)
        while time.monotonic() < until:
            group, kind, role = chance.choice([(senders, "c", "send"), (takers, "r", "take")])
            fault = chance.choice(faults)
            i = chance.randrange(len(group))
            if fault == "cut":
                swarm.proxy.cut()
            elif fault == "broker":
                swarm.replace_broker()
            elif fault == "kill":
                serial += 1
                group[i].kill()
                group[i] = swarm.client(role, f"{role}-again{serial}")
            else:
                group[i].pause()
                group[(i + 1) % len(group)].gets_on(kind, 10)
                group[i].go_on()
            chance.choice(senders).gets_on("c", 10)
            chance.choice(takers).gets_on("r", 5)
        print(f"seed {seed}")
        swarm.settle(is_whole=not is_durable)
