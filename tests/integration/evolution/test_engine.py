"""A population bred on a device by real processes is the one that the service breeds alone, also when the worker is killed.

Needs an OpenCL device; skipped where there is none.

SPDX-License-Identifier: MIT
"""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))

from processes import Bus  # noqa: E402

BUILD = pathlib.Path(os.environ["STRATO_BUILD"])
WORKER = BUILD / "worker/strato-worker"
GENERATIONS = 400
RUN = ["evolve", "--problem", "rastrigin", "--dim", 40, "--population", 300, "--seed", 11, "--json", "--generations",
       GENERATIONS, "--every", 100]

pytestmark = pytest.mark.skipif(subprocess.run([WORKER, "--list"], capture_output=True).returncode != 0,
                                reason="no OpenCL device")


def outcome(text):
    told = json.loads(text)
    return {key: told[key] for key in ("best_fitness", "genome", "evaluations", "generations")}


@pytest.fixture(scope="module")
def alone():
    with Bus(BUILD) as bus:
        told = outcome(bus.strato(*RUN).stdout)
        bus.assert_laws()
    return told


def start_worker(bus):
    worker = bus.start(WORKER, "--broker", bus.endpoint, "--device", "0")
    worker.wait_line("taking work channel=fitness", 120)
    return worker


def settled(bus):
    return json.loads(bus.strato("channel", "info", "fitness", "--json").stdout)["settled"]


def test_a_device_breeds_what_the_service_breeds_alone(alone):
    with Bus(BUILD) as bus:
        start_worker(bus)
        assert outcome(bus.strato(*RUN).stdout) == alone
        assert settled(bus) < GENERATIONS / 2  # many generations to a message
        bus.assert_laws()


def test_a_worker_that_is_killed_changes_nothing(alone):
    with Bus(BUILD) as bus:
        worker = start_worker(bus)
        command = [BUILD / "cli/strato", "--server", bus.endpoint, *map(str, RUN)]
        run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        while run.poll() is None and settled(bus) < 2:
            pass  # each look is a program that runs: it waits for progress, not for a time
        worker.child.send_signal(signal.SIGKILL)
        text, _ = run.communicate(timeout=120)
        assert run.returncode == 0
        assert outcome(text) == alone
        bus.assert_laws()
