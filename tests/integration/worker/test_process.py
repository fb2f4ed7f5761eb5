"""strato-worker as a process: it says what it has, leaves quietly, and when it is killed its work is done elsewhere.

Plain pyzmq speaks to the broker; no code of this project is used on the client side.

SPDX-License-Identifier: MIT
"""

import json
import os
import pathlib
import signal
import struct
import subprocess
import sys

import pytest
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "broker"))
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent.parent / "lib"))

from processes import Process  # noqa: E402
from stratod import PATIENCE_S, Sockets, Stratod, frame, values  # noqa: E402

WORKER = os.environ["STRATO_WORKER"]
CONFIG = """
channels:
  - {name: fitness, pattern: work, capacity: 10000}
"""
ROWS, DIM, CALLS = 512, 32, 400


@pytest.fixture
def bus(tmp_path):
    path = tmp_path / "stratod.yaml"
    path.write_text(CONFIG)
    with Stratod("--config", str(path)) as running, Sockets() as sockets:
        running.sockets = sockets
        running.workers = []
        yield running
        for worker in running.workers:
            if worker.child.poll() is None:
                worker.child.kill()
            worker.child.wait()
        assert running.child.poll() is None, "the broker died:\n" + "\n".join(running.lines)


def start_worker(bus, name, device="sim"):
    worker = Process([WORKER, "--device", device, "--broker", bus.endpoint("native"), "--name", name])
    bus.workers.append(worker)
    worker.wait_line(r"taking work.* channel=fitness")
    return worker


def call(socket, number, rows):
    header = {"op": "call", "ch": "fitness", "rq": number, "deadline_ms": PATIENCE_S * 1000, "idempotent": True}
    payload = {"problem": "sphere", "dim": DIM, "dtype": "f32", "rows": 0}
    envelope = {"type": "fitness.evaluate", "payload": payload, "needs": ["fitness:sphere"], "attach": 1}
    socket.send_multipart([frame(header, envelope), rows])


def fitness_of(answer):
    """Number and values of every result in a frame: the broker batches results, attachments in envelope order."""
    header, *envelopes = values(answer[0])
    assert header["op"] == "result", (header, envelopes)
    frames = answer[1:]
    for number, envelope in zip(header.get("rqs") or [header["rq"]], envelopes, strict=True):
        assert envelope["type"] == "fitness.fitness", envelope
        own, frames = frames[:envelope.get("attach", 0)], frames[envelope.get("attach", 0):]
        data = envelope["payload"]["values"]
        yield number, struct.unpack(f"<{ROWS}d", data if isinstance(data, bytes) else own[data])


def test_a_killed_worker_loses_no_batch(bus):
    first, second = start_worker(bus, "first"), start_worker(bus, "second")
    socket = bus.sockets.connect(zmq.DEALER, bus.endpoint("native"), sndhwm=0, rcvhwm=0)
    rows = struct.pack(f"<{ROWS * DIM}f", *[float(i % 7) for i in range(ROWS * DIM)])
    expected = tuple(-sum(float(i % 7) ** 2 for i in range(r * DIM, (r + 1) * DIM)) for r in range(ROWS))
    answered = set()
    for number in range(CALLS):
        call(socket, number, rows)
    while len(answered) < CALLS:
        for number, got in fitness_of(socket.recv_multipart()):
            assert number not in answered and got == expected
            answered.add(number)
        if len(answered) >= 20 and first.child.poll() is None:
            first.child.kill()
            first.child.wait()
            assert len(answered) < CALLS, "the run was over before the worker was killed"
    assert second.child.poll() is None


def test_a_worker_outlives_its_broker(tmp_path):
    path = tmp_path / "stratod.yaml"
    path.write_text(CONFIG)
    rows = struct.pack(f"<{ROWS * DIM}f", *[1.0] * (ROWS * DIM))
    worker = None
    try:
        with Stratod("--config", str(path), "--run-dir", str(tmp_path)) as first:
            endpoint = first.endpoint("native", "ipc")  # the same after a restart, unlike a free port
            worker = Process([WORKER, "--device", "sim", "--broker", endpoint, "--name", "lasting", "--heartbeat", "1"])
            worker.wait_line(r"taking work.* channel=fitness")
            first.stop(signal.SIGKILL)
        with Stratod("--config", str(path), "--run-dir", str(tmp_path)), Sockets() as sockets:
            socket = sockets.connect(zmq.REQ, endpoint)
            header = {"op": "call", "ch": "fitness", "rq": 1, "deadline_ms": PATIENCE_S * 1000,
                      "wait_responder_ms": PATIENCE_S * 1000, "idempotent": True}
            payload = {"problem": "sphere", "dim": DIM, "dtype": "f32", "rows": 0}
            socket.send_multipart([frame(header, {"type": "fitness.evaluate", "payload": payload, "attach": 1}), rows])
            assert next(fitness_of(socket.recv_multipart()))[1] == (-float(DIM),) * ROWS
        assert worker.stop(PATIENCE_S) == 0
    finally:
        if worker and worker.child.poll() is None:
            worker.child.kill()


def test_sigterm_finishes_and_leaves_with_0(bus):
    worker = start_worker(bus, "polite")
    assert worker.stop(PATIENCE_S) == 0
    assert any("stopped" in line for line in worker.lines)


def test_sigterm_ends_a_worker_whose_driver_has_threads(bus):
    if run("--list").returncode == 6:
        pytest.skip("no OpenCL device")
    worker = start_worker(bus, "driven", "0")
    assert worker.stop(PATIENCE_S) == 0


def test_the_worker_waits_for_a_broker_that_is_not_there_yet():
    worker = Process([WORKER, "--device", "sim", "--broker", "tcp://127.0.0.1:1"])
    worker.wait_line("broker not reached")
    assert worker.stop(PATIENCE_S) == 0


def run(*arguments, **environment):
    return subprocess.run([WORKER, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False,
                          env={**os.environ, **environment})


def test_no_device_is_a_sentence_and_an_exit_code():
    done = run("--list", OCL_ICD_VENDORS="/nonexistent")
    assert done.returncode == 6
    assert "--device sim" in done.stderr and "OpenCL" in done.stderr
    assert run(OCL_ICD_VENDORS="/nonexistent").returncode == 6
    listed = json.loads(run("--list", "--json", OCL_ICD_VENDORS="/nonexistent").stdout)
    assert listed["devices"] == [] and listed["detail"]


def test_a_device_that_does_not_exist_is_named():
    done = run("--device", "4000", "--broker", "tcp://127.0.0.1:1")
    assert done.returncode == 6
    assert "4000" in done.stderr or "OpenCL" in done.stderr


@pytest.mark.parametrize("arguments", [["--device", "gpu0"], ["--pool", "1"], ["--no-such"], ["extra"], ["--name", "x" * 121]])
def test_wrong_usage_is_2(arguments):
    assert run(*arguments).returncode == 2


def test_help_lists_the_options():
    done = run("--help")
    assert done.returncode == 0 and "--unsafe-kernels" in done.stdout


