"""Usage, help, exit codes that need no broker.

SPDX-License-Identifier: MIT
"""

import subprocess

import pytest

from conftest import STRATO

VERBS = ["pub", "sub", "req", "reply", "push", "pull", "ping", "health", "evolve", "channel ls", "channel info", "channel watch",
         "channel add", "channel set", "channel rm", "channel purge", "channel pause", "channel resume", "gpu info", "gpu run",
         "bench pub", "bench sub", "bench req", "bench work"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_two_examples(nobody, verb):
    text = nobody.ok(*verb.split(), "--help")
    assert f"usage: strato {verb}" in text
    assert text.count(f"  strato {verb}") >= 2
    assert "--json" in text and "Exit codes" in text


@pytest.mark.parametrize("words, meant", [(["pbu"], "pub"), (["channel", "sl"], "ls"), (["pub", "a", "--cuont", "2"], "--count"),
                                          (["gpu", "run", "vaad"], "vadd"), (["pub", "a", "-H", "priorty:3"], "priority"),
                                          (["pub", "a", "{{Cuont}}"], "Count")])
def test_a_typing_error_gets_a_suggestion(cli, words, meant):
    done = cli.run(*words)
    assert done.returncode == 2
    assert f"did you mean {meant}" in done.stderr or f"did you mean {{{{{meant}" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("words", [[], ["pub"], ["nonsense"], ["pull", "a", "b"], ["sub", "--count", "many"],
                                   ["pull", "jobs", "--ack", "--peek", "--count", "1"], ["reply", "a"], ["health", "deeply"],
                                   ["channel", "add", "x", "--pattern", "round"], ["pub", "a", '{"open":'],
                                   ["bench", "work", "--size", "1"]])
def test_wrong_usage_is_2_and_says_why(cli, words):
    done = cli.run(*words)
    assert done.returncode == 2, done.stderr
    assert done.stderr != ""


@pytest.mark.parametrize("words", [["ping"], ["pub", "a"], ["sub"], ["req", "a"], ["reply", "a", "--echo"], ["push", "a"],
                                   ["pull", "a"], ["channel", "ls"], ["gpu", "info"], ["health"], ["bench", "work"]])
def test_no_broker_is_3_and_names_the_fix(nobody, words):
    done = nobody.run(*words, "--timeout", "200ms")
    assert done.returncode == 3, done.stderr
    assert "no broker answers" in done.stderr and "--server" in done.stderr


def test_options_of_every_verb_may_stand_in_front_of_it(nobody):
    assert nobody.run("--timeout", "200ms", "--json", "ping").returncode == 3


def test_a_flag_beats_the_environment(cli, tmp_path):
    done = cli.run("ping", "--server", f"ipc://{tmp_path}/nobody.sock", "--timeout", "200ms")
    assert done.returncode == 3


def test_the_man_page_and_completions_come_from_the_same_table():
    def dump(*arguments):
        return subprocess.run([STRATO, *arguments], capture_output=True, text=True, check=True).stdout

    assert ".Nm strato" in dump("--dump-man")
    for shell in ("bash", "zsh", "fish"):
        text = dump(f"--dump-completion={shell}")
        for verb in ("pub", "sub", "channel", "evolve", "bench"):
            assert verb in text, shell
    assert subprocess.run(["bash", "-n"], input=dump("--dump-completion=bash"), text=True, check=False).returncode == 0


def test_color_is_for_terminals_or_for_who_asks(cli):
    cli.ok("pub", "demo.one")
    assert "\033[" not in cli.ok("channel", "ls")
    assert cli.run("pub", "demo.one", "--quiet").stderr == ""
