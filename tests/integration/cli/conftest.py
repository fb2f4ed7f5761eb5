"""Fixtures: a bus with user channels, and the command line against it over ipc, where administration is allowed.

SPDX-License-Identifier: MIT
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "lib"))

from processes import Bus, Process  # noqa: E402

BUILD = pathlib.Path(os.environ["STRATO_BUILD"])
STRATO = BUILD / "cli/strato"
CONFIG = """
channels:
  - {name: jobs, pattern: work, capacity: 100}
  - {name: tiny, pattern: work, capacity: 2}
  - {name: news, pattern: events}
"""


class Cli:
    """`strato` against one server."""

    def __init__(self, server):
        self.server = server

    def run(self, *arguments, stdin="", environment=None, timeout=60):
        """The finished process; text output."""
        command = [str(STRATO), *map(str, arguments)]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False,
                              env={**os.environ, "STRATO_SERVER": self.server, **(environment or {})})

    def ok(self, *arguments, **options):
        """Its stdout; fails the test if it did not end with 0."""
        done = self.run(*arguments, **options)
        assert done.returncode == 0, f"{arguments} gave {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *arguments, **options):
        return json.loads(self.ok(*arguments, "--json", **options))

    def lines(self, *arguments, **options):
        return [json.loads(line) for line in self.ok(*arguments, "--json", **options).splitlines()]

    def start(self, *arguments):
        """A `strato` that keeps running; wait_line() sees its stderr, output() its stdout once it has ended."""
        return Running([STRATO, *arguments], env={**os.environ, "STRATO_SERVER": self.server}, stdout=subprocess.PIPE)


class Running(Process):
    def output(self, timeout=60):
        text = self.child.stdout.read()
        self.child.wait(timeout)
        return text


@pytest.fixture
def bus(tmp_path):
    path = tmp_path / "stratod.yaml"
    path.write_text(CONFIG)
    with Bus(BUILD, "--config", path, "--services", "") as running:
        yield running


@pytest.fixture
def cli(bus):
    made = Cli(f"ipc://{bus.folder}/strato.native.sock")
    yield made
    bus.assert_laws()


@pytest.fixture
def nobody(tmp_path):
    """A command line whose broker is not there."""
    return Cli(f"ipc://{tmp_path}/nobody.sock")
