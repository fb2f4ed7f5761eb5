"""req and reply: a service in one line.

SPDX-License-Identifier: MIT
"""

import json

import pytest


def serve(cli, channel, *arguments):
    running = cli.start("reply", channel, *arguments)
    running.wait_line(f"serving {channel}")
    return running


def test_a_command_answers(cli):
    service = serve(cli, "math.add", "--exec", "jq .a+.b")
    done = cli.run("req", "math.add", '{"a":1,"b":2}')
    assert (done.returncode, done.stdout) == (0, "3\n")
    assert " ms" in done.stderr
    assert service.stop() == 130


def test_the_answer_has_the_documented_shape(cli):
    service = serve(cli, "echo", "--echo", "--count", "1")
    got = cli.json("req", "echo", '{"x":[1]}')
    assert list(got) == ["type", "sender", "bytes", "latency_us", "payload", "attachments"]
    assert got["payload"] == {"x": [1]} and got["latency_us"] > 0
    assert service.child.wait(60) == 0


def test_a_fixed_answer_counts(cli):
    serve(cli, "hello", '{"n":{{Count}}}')
    assert [json.loads(line)["n"] for line in cli.ok("req", "hello", "--count", 3).splitlines()] == [1, 2, 3]


def test_the_command_knows_who_asks_what(cli):
    serve(cli, "who", "--exec", 'printf "%s %s" "$STRATO_CHANNEL" "$STRATO_TYPE"')
    assert cli.ok("req", "who", "--type", "a.b") == '"who a.b"\n'


@pytest.mark.parametrize("command, words", [("echo bad luck >&2; exit 3", "exit status 3: bad luck"),
                                            ("head -c 2000 /dev/zero", "more than 1000 bytes"),
                                            ("sleep 60", "longer than 0.3 s")])
def test_a_command_that_fails_is_answered_by_an_error(cli, command, words):
    serve(cli, "broken", "--exec", command, "--max-output", "1000", "--exec-timeout", "300ms")
    done = cli.run("req", "broken", "1", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert answer["type"] == "broken.error"
    assert answer["payload"]["code"] == "failed" and words in answer["payload"]["message"]


def test_large_bodies_come_back_whole(cli):
    body = "x" * 300000
    serve(cli, "big", "--raw", "--echo")
    assert cli.ok("req", "big", "--raw", "-", stdin=body) == body


def test_raw_commands_see_and_give_bytes(cli):
    serve(cli, "upper", "--raw", "--exec", "tr a-z A-Z")
    assert cli.ok("req", "upper", "--raw", "abc") == "ABC"


def test_nobody_serving_is_5_and_an_unknown_channel_6(cli):
    assert cli.run("req", "cost.query_cost").returncode == 5
    assert cli.run("req", "no.such.thing").returncode == 6


def test_a_subject_finds_the_channel_whose_name_leads_it(cli):
    serve(cli, "cost", "--exec", 'echo "\\"$STRATO_TYPE\\""')
    assert cli.ok("req", "cost.query_cost") == '"cost.query_cost"\n'


def test_an_answer_that_does_not_come_is_5(cli):
    serve(cli, "slow", "--exec", "sleep 60")
    done = cli.run("req", "slow", "1", "--timeout", "400ms")
    assert done.returncode == 5
