"""One seed, one result: whoever evaluates, however many, and whoever is killed on the way.

Real processes over a Unix socket. Nothing here sleeps for a guess: each wait is for a line or an exit.

SPDX-License-Identifier: MIT
"""

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time

import pytest

STRATOD, WORKER, STRATO, DATA = (os.environ[name] for name in ("TEST_STRATOD", "TEST_WORKER", "TEST_STRATO", "TEST_DATA"))
PATIENCE_S = 120
RASTRIGIN = ["--problem", "rastrigin", "--dim", "16", "--population", "64", "--generations", "40", "--seed", "7"]
STRATEGY = ["--problem", "strategy", "--data", f"{DATA}/eu_stock_markets.csv", "--population", "128", "--generations", "12", "--seed", "3"]


class Process:
    """A child whose standard error is read as it comes."""

    def __init__(self, *command):
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        self.lines, self.grown, self.has_ended = [], threading.Condition(), False
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.child.stderr:
            with self.grown:
                self.lines.append(line.rstrip("\n"))
                self.grown.notify_all()
        with self.grown:
            self.has_ended = True
            self.grown.notify_all()

    def wait_line(self, pattern):
        deadline = time.monotonic() + PATIENCE_S
        with self.grown:
            while True:
                for line in self.lines:
                    if found := re.search(pattern, line):
                        return found
                if self.has_ended or not self.grown.wait(max(0.0, deadline - time.monotonic())):
                    raise AssertionError(f"no line like {pattern!r} in:\n" + "\n".join(self.lines))

    def stop(self, number=signal.SIGTERM):
        if self.child.poll() is None:
            self.child.send_signal(number)
        self.child.wait(PATIENCE_S)
        self.reader.join(PATIENCE_S)


class Bus:
    """A broker with its evolution service, and workers on demand."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.broker = Process(STRATOD, "--port", "0", "--run-dir", self.folder.name, "--connections", "128")
        self.endpoint = self.broker.wait_line(r"ready endpoint=(\S+)")[1].strip('"')
        self.workers = []

    def worker(self, device="sim"):
        process = Process(WORKER, "--broker", self.endpoint, "--device", device)
        self.workers.append(process)
        self.wait_workers(lambda count: count >= len([w for w in self.workers if w.child.poll() is None]))
        return process

    def stats(self):
        out = subprocess.run([STRATO, "channel", "info", "fitness", "--server", self.endpoint, "--json"], capture_output=True,
                             text=True, timeout=PATIENCE_S, check=True)
        return json.loads(out.stdout)

    def wait_workers(self, is_enough):
        deadline = time.monotonic() + PATIENCE_S
        while not is_enough(self.stats()["consumers"]):
            assert time.monotonic() < deadline, "workers did not come:\n" + "\n".join(self.workers[-1].lines)
            assert self.workers[-1].child.poll() is None, "\n".join(self.workers[-1].lines)
            time.sleep(0.02)

    def start_evolve(self, arguments):
        return Process(STRATO, "evolve", "--server", self.endpoint, "--json", "--every", "1", *arguments)

    def evolve(self, arguments, meanwhile=None):
        process = self.start_evolve(arguments)
        if meanwhile:
            meanwhile(process)
        out = process.child.stdout.read()
        process.stop()
        assert process.child.returncode == 0, "\n".join(process.lines)
        return json.loads(out)

    def close(self):
        for worker in self.workers:
            worker.stop()
        self.broker.stop()
        self.folder.cleanup()
        assert self.broker.child.returncode == 0, "\n".join(self.broker.lines)


@pytest.fixture
def bus():
    made = Bus()
    yield made
    made.close()


def reference(arguments):
    """The same run without any worker: the service computes the C reference."""
    made = Bus()
    try:
        return made.evolve(arguments)
    finally:
        made.close()


@pytest.fixture(scope="module")
def rastrigin():
    return reference(RASTRIGIN)


@pytest.fixture(scope="module")
def strategy():
    return reference(STRATEGY)


def assert_same(got, want):
    for key in ("best_fitness", "genome", "evaluations", "generations"):
        assert got[key] == want[key], key
    assert got["progress"] == want["progress"]


@pytest.fixture(scope="module")
def opencl():
    out = subprocess.run([WORKER, "--list", "--json"], capture_output=True, text=True, timeout=PATIENCE_S)
    if out.returncode != 0 or not json.loads(out.stdout)["devices"]:
        pytest.skip("no OpenCL device")


def test_same_best_on_the_sim_device(bus, rastrigin):
    bus.worker()
    before = bus.stats()["accepted"]
    assert_same(bus.evolve(RASTRIGIN), rastrigin)
    assert bus.stats()["accepted"] > before, "the worker was never asked"


def test_same_best_with_two_workers_and_other_splits(bus, rastrigin):
    bus.worker()
    bus.worker()
    assert_same(bus.evolve(RASTRIGIN), rastrigin)


def test_same_best_on_opencl(bus, opencl, rastrigin):
    bus.worker("opencl")
    assert_same(bus.evolve(RASTRIGIN), rastrigin)


def test_same_strategy_on_sim_and_without_workers(bus, strategy):
    bus.worker()
    assert_same(bus.evolve(STRATEGY), strategy)
    assert strategy["backtest"]["verdict"]


def test_same_strategy_on_opencl(bus, opencl, strategy):
    bus.worker("opencl")
    assert_same(bus.evolve(STRATEGY), strategy)


LONG = ["--problem", "strategy", "--data", f"{DATA}/eu_stock_markets.csv", "--population", "256", "--generations", "60", "--seed", "5"]


def test_a_worker_killed_on_the_way_changes_nothing(bus):
    want = reference(LONG)
    bus.worker()
    victim = bus.worker()

    def kill(process):
        process.wait_line(r"generation \d+/")  # it is under way
        victim.stop(signal.SIGKILL)

    assert_same(bus.evolve(LONG, kill), want)
    bus.wait_workers(lambda count: count == 1)


def test_all_workers_killed_on_the_way_and_the_service_goes_on(bus):
    want = reference(LONG)
    victim = bus.worker()

    def kill(process):
        process.wait_line(r"generation \d+/")
        victim.stop(signal.SIGKILL)

    assert_same(bus.evolve(LONG, kill), want)


def test_a_stopped_worker_is_left_behind(bus, rastrigin):
    bus.worker()
    stopped = bus.worker()

    def stop(process):
        process.wait_line(r"generation \d+/")
        stopped.child.send_signal(signal.SIGSTOP)

    try:
        assert_same(bus.evolve(RASTRIGIN, stop), rastrigin)
    finally:
        stopped.child.send_signal(signal.SIGCONT)


def test_a_report_is_complete_in_itself(bus, tmp_path):
    bus.evolve(STRATEGY + ["--report", str(tmp_path / "deep" / "report")])
    page = (tmp_path / "deep" / "report" / "report.html").read_text()
    result = json.loads((tmp_path / "deep" / "report" / "result.json").read_text())
    assert page.count("<svg") == 2
    assert not re.search(r"(src|href)=[\"']?http|@import|<script", page), "the page reaches out"
    assert result["backtest"]["out_of_sample"] if "out_of_sample" in result["backtest"] else result["backtest"]["strategy"]["out_of_sample"]


@pytest.mark.parametrize("arguments", [["--problem", "hills"], ["--problem", "strategy"], ["--problem", "sphere", "--population", "0"],
                                       ["--problem", "strategy", "--data", "x.csv", "--dim", "5"]])
def test_wrong_options_are_usage_errors_before_anybody_is_asked(arguments):
    out = subprocess.run([STRATO, "evolve", *arguments], capture_output=True, text=True, timeout=PATIENCE_S)
    assert out.returncode == 2
    assert len(out.stderr.strip().splitlines()) <= 2
