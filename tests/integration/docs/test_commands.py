"""Type what docs/security.md tells people to type, in that order, in one folder and with one environment.

A block marked `sh background` is a program that goes on running. Port 7700 becomes a free one.

SPDX-License-Identifier: MIT
"""

import os
import pathlib
import re
import signal
import subprocess

import pytest

BUILD = pathlib.Path(os.environ["STRATO_BUILD"])
ROOT = pathlib.Path(__file__).resolve().parents[3]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.M | re.S)


def blocks(name):
    """(language words, text) of every fenced block."""
    return [(info.split(), text) for info, text in FENCE.findall((ROOT / "docs" / name).read_text())]


def start(command, folder, environment):
    child = subprocess.Popen(["bash", "-c", "exec " + command], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    seen = []
    for line in child.stderr:
        seen.append(line)
        if " ready " in line:
            return child, re.search(r"ready endpoint=\S*:(\d+)", line)[1]
    raise AssertionError("".join(seen))


@pytest.mark.parametrize("name", ["security.md"])
def test_what_the_document_says_works_as_it_stands(name, tmp_path):
    environment = {**os.environ, "PATH": f"{BUILD / 'cli'}:{BUILD / 'broker'}:{os.environ['PATH']}"}
    environment = {key: value for key, value in environment.items() if not key.startswith("STRATO_") or key == "STRATO_BUILD"}
    running, script, port = [], "", "0"
    try:
        for words, text in blocks(name):
            text = text.replace("7700", port)
            if words == ["sh", "background"]:
                child, port = start(text.strip() + " --config /dev/null --services ''", tmp_path, environment)
                running.append(child)
            elif words == ["sh"]:
                # exports of earlier blocks hold, as in a shell that stays open
                done = subprocess.run(["bash", "-ec", script + text], cwd=tmp_path, env=environment, capture_output=True, text=True,
                                      timeout=120, check=False)
                assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
                script += "".join(line + "\n" for line in text.splitlines() if line.startswith("export "))
    finally:
        for child in running:
            child.send_signal(signal.SIGTERM)
            child.wait(60)
    assert running and script


def test_the_keys_file_of_the_document_is_one(tmp_path):
    path = tmp_path / "keys.yaml"
    path.write_text(next(text for words, text in blocks("security.md") if words == ["yaml"]))
    done = subprocess.run([BUILD / "cli/strato", "key", "ls", "--keys", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "alice" in done.stdout, done.stderr
