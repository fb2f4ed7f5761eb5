"""gpu: a worker on the simulated device, reached over the bus.

SPDX-License-Identifier: MIT
"""

import pytest

from conftest import BUILD

WORKER = BUILD / "worker/strato-worker"
pytestmark = pytest.mark.skipif(not WORKER.exists(), reason="strato-worker is not built")


@pytest.fixture
def worker(bus):
    running = bus.start(WORKER, "--broker", bus.endpoint, "--device", "sim")
    running.wait_line(r"taking work.* channel=gpu")
    return running


def test_info_names_the_device_and_its_kernels(cli, worker):
    info = cli.json("gpu", "info")
    assert info["device"] and info["pool_bytes"] > 0
    assert "builtin:vadd" in [kernel["kernel_id"] for kernel in info["kernels"]]


@pytest.mark.parametrize("kernel", ["vadd", "sphere", "rosenbrock", "rastrigin"])
def test_a_kernel_gives_the_bits_of_the_cpu(cli, worker, kernel):
    got = cli.json("gpu", "run", kernel, "--n", 3000, "--dim", 20)
    assert got["ok"] is True and len(got["checksum"]) == 16
    assert set(got["launch"]) == {"device_us", "wall_us"}


def test_buffers_larger_than_a_message_travel_in_pieces(cli, worker):
    assert cli.json("gpu", "run", "vadd", "--n", 3000000)["ok"] is True


def test_no_worker_is_5_and_says_so(cli):
    done = cli.run("gpu", "info", "--timeout", "300ms")
    assert done.returncode == 5 and "strato-worker" in done.stderr
