"""Help, man pages and completions come from the table that parses: each verb is in all of them, and all of them are valid.

SPDX-License-Identifier: MIT
"""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

BUILD = pathlib.Path(os.environ["STRATO_BUILD"])
STRATO = BUILD / "cli/strato"
MANUAL = BUILD / "cli/manual"
GROUPS = ("channel", "dlq", "route", "key", "gpu", "bench")


def run(*arguments):
    return subprocess.run([STRATO, *arguments], capture_output=True, text=True, timeout=60, check=False)


def verbs_of(*group):
    text = run(*group, "--help").stdout
    listed = re.search(r"^Verbs .*\n((?:  .*\n)+)", text, re.M)[1]
    return re.findall(r"^  ([a-z]+)", listed, re.M)


VERBS = [(verb,) for verb in verbs_of() if verb not in GROUPS]
VERBS += [(group, verb) for group in GROUPS for verb in verbs_of(group)]


def test_the_verbs_of_the_issue_are_there():
    wanted = {"pub", "sub", "req", "reply", "push", "pull", "ping", "channel", "bench", "gpu", "evolve"}
    assert wanted <= set(verbs_of())
    assert {"ls", "info", "watch"} <= set(verbs_of("channel"))
    assert {"info", "run"} <= set(verbs_of("gpu"))


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_has_two_examples_and_json(verb):
    done = run(*verb, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert "--json" in done.stdout
    examples = done.stdout.split("\nExamples\n")[1]
    assert len(re.findall(r"^  \S", examples.split("\n\n")[0], re.M)) >= 2


@pytest.mark.parametrize("verb", [()] + VERBS, ids=lambda verb: " ".join(verb) or "strato")
def test_each_verb_has_a_built_man_page_that_is_valid(verb):
    page = MANUAL / ("-".join(("strato",) + verb) + ".1")
    assert page.read_text() == run(*verb, "--dump-man").stdout
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed")
    done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", str(page)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("shell,name", [("bash", "strato.bash"), ("zsh", "_strato"), ("fish", "strato.fish")])
def test_completion_knows_every_verb_and_is_valid(shell, name):
    text = (MANUAL / name).read_text()
    for verb in VERBS:
        assert re.search(rf"\b{verb[0]}\b", text), verb
    if shutil.which(shell):
        subprocess.run([shell, "-n", str(MANUAL / name)], check=True)


def test_bash_completes_options_and_verbs():
    script = f". {MANUAL / 'strato.bash'}; COMP_WORDS=(strato {{}}); COMP_CWORD={{}}; _strato; echo ${{{{COMPREPLY[@]}}}}"
    for words, at, expected in (("pu", 1, "pub"), ("pub --dr", 2, "--dry-run"), ("pull --pe", 2, "--peek")):
        done = subprocess.run(["bash", "-c", script.format(words, at)], capture_output=True, text=True, check=True)
        assert expected in done.stdout.split(), (words, done.stdout, done.stderr)


@pytest.mark.parametrize("program", ["worker/manual/strato-worker.1", "broker/manual/stratod.8"])
def test_the_other_programs_have_pages_too(program):
    assert ".Sh EXIT STATUS" in (BUILD / program).read_text()


@pytest.mark.parametrize("arguments,meant", [(["pud"], "pub"), (["channel", "lss"], "ls"), (["pub", "--dry-rum"], "--dry-run")])
def test_a_slip_of_the_finger_is_told_what_was_meant(arguments, meant):
    done = run(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert f"did you mean {meant}?" in done.stderr, done.stderr
