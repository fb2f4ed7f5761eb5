"""Fixtures: a broker with a user channel, and sockets.

SPDX-License-Identifier: MIT
"""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from stratod import Sockets, Stratod  # noqa: E402

CONFIG = """
channels:
  - {name: jobs, pattern: work, capacity: 100}
  - {name: ask, pattern: request}
push_pull: [evolution, jobs]
"""


@pytest.fixture
def broker(tmp_path):
    path = tmp_path / "stratod.yaml"
    path.write_text(CONFIG)
    with Stratod("--config", str(path), "--log-level", "debug", "--drain-timeout", "1s") as running:
        yield running
        assert running.child.poll() is None, "the broker died:\n" + "\n".join(running.lines)
        status = running.stop()
        assert status in (0, 3), "\n".join(running.lines)


@pytest.fixture
def sockets():
    with Sockets() as made:
        yield made
