"""bench: figures come out, in the documented shape; how large they are is no test's business.

SPDX-License-Identifier: MIT
"""

import json

import pytest

SHORT = ["--duration", "200ms", "--warmup", "50ms"]
SHAPE = ["bench", "bytes", "senders", "receivers", "in_flight", "rate", "acked", "seconds", "per_s", "mb_per_s", "failures", "latency"]


@pytest.mark.parametrize("words", [["work"], ["work", "--acked"], ["work", "--unbatched"], ["work", "--size", "64KiB"],
                                   ["pub"], ["pub", "--receivers", "2"], ["req"], ["req", "--in-flight", "20"]])
def test_something_comes_through(cli, words):
    got = json.loads(cli.ok("bench", *words, *SHORT, "--json"))
    assert list(got) == SHAPE
    assert got["per_s"] > 0 and got["failures"] == 0


def test_a_fixed_rate_has_latencies_counted_from_when_messages_were_due(cli):
    got = json.loads(cli.ok("bench", "work", "--rate", 500, "--duration", "400ms", "--warmup", "50ms", "--json"))
    assert got["latency"]["count"] > 0
    assert 0 < got["latency"]["p50_us"] <= got["latency"]["p99_us"] <= got["latency"]["max_us"]


def test_csv_is_a_heading_and_a_line(cli):
    heading, line = cli.ok("bench", "req", *SHORT, "--csv").splitlines()
    assert heading.split(",")[0] == "bench" and line.split(",")[0] == "req" and heading.count(",") == line.count(",")


def test_its_own_channel_is_gone_afterwards(cli):
    cli.ok("bench", "work", *SHORT)
    assert not [name for name in cli.ok("channel", "ls", "--columns", "name").split() if name.startswith("bench.") and name != "bench.echo"]
