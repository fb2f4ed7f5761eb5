"""channel, ping, health: look and administer.

SPDX-License-Identifier: MIT
"""

import json

from conftest import Cli


def test_ls_shows_every_channel_in_the_columns_asked_for(cli):
    names = cli.ok("channel", "ls", "--columns", "name").split()
    assert {"gpu", "evolution", "events", "jobs", "tiny", "news"} <= set(names)
    assert names == sorted(names)
    rows = cli.json("channel", "ls")
    assert isinstance(rows, list) and {"name", "pattern", "capacity", "ready", "leased", "accepted", "dropped"} <= set(rows[0])
    assert len(cli.ok("channel", "ls", "--jsonl").splitlines()) == len(rows)


def test_ls_sorts_numbers_from_high_to_low(cli):
    cli.ok("push", "jobs", "1", "--count", 5)
    cli.ok("push", "tiny", "1")
    assert cli.ok("channel", "ls", "--columns", "name,depth", "--sort", "depth").splitlines()[:2] == ["jobs\t5", "tiny\t1"]


def test_an_unknown_column_is_2(cli):
    assert cli.run("channel", "ls", "--columns", "name,colour").returncode == 2


def test_info_has_settings_and_numbers(cli):
    info = cli.json("channel", "info", "jobs")
    assert info["name"] == "jobs" and info["capacity"] == 100 and info["pattern"] == "work" and info["ack"] is True
    done = cli.run("channel", "info", "jbos")
    assert done.returncode == 6 and "did you mean jobs" in done.stderr


def test_a_channel_is_added_changed_and_removed(cli):
    cli.ok("channel", "add", "more", "--capacity", 7, "--ttl", "10m")
    assert cli.json("channel", "info", "more")["capacity"] == 7
    cli.ok("channel", "add", "more", "--capacity", 7, "--ttl", "10m")
    assert cli.run("channel", "add", "more", "--capacity", 8).returncode == 1
    cli.ok("channel", "set", "more", "--capacity", 9)
    assert cli.json("channel", "info", "more")["capacity"] == 9
    cli.ok("channel", "rm", "more", "--yes")
    assert cli.run("channel", "info", "more").returncode == 6


def test_what_destroys_wants_yes(cli):
    cli.ok("push", "jobs", "1", "--count", 3)
    assert cli.run("channel", "purge", "jobs").returncode == 2
    report = cli.json("channel", "purge", "jobs", "--dry-run")
    assert report["messages"] == 3 and report["dry_run"] is True
    assert cli.json("channel", "info", "jobs")["ready"] == 3
    cli.ok("channel", "purge", "jobs", "--yes")
    info = cli.json("channel", "info", "jobs")
    assert info["ready"] == 0 and info["dropped"]["purged"] == 3


def test_a_paused_channel_hands_nothing_out(cli):
    cli.ok("channel", "pause", "jobs")
    cli.ok("push", "jobs", "1")
    assert cli.run("pull", "jobs", "--count", 1, "--wait", "300ms").returncode == 5
    cli.ok("channel", "resume", "jobs")
    cli.ok("pull", "jobs", "--count", 1, "--wait", "20s")


def test_administration_over_tcp_without_keys_is_4(bus):
    assert Cli(bus.endpoint).run("channel", "add", "x").returncode == 4


def test_watch_prints_a_line_per_look(cli):
    lines = cli.lines("channel", "watch", "jobs", "--interval", "20ms", "--count", 3)
    assert len(lines) == 3 and list(lines[0])[:3] == ["name", "depth", "capacity"]


def test_ping_counts(cli):
    lines = cli.lines("ping", "--count", 3, "--interval", "10ms")
    assert [line["n"] for line in lines] == [1, 2, 3] and lines[0]["rtt_us"] > 0 and lines[0]["epoch"] > 0


def test_health_goes_as_deep_as_asked(cli, nobody):
    assert [c["name"] for c in cli.json("health", "deep")["checks"]] == ["live", "ready", "deep"]
    assert [c["name"] for c in cli.json("health", "live")["checks"]] == ["live"]
    done = nobody.run("health", "--json", "--timeout", "200ms")
    assert done.returncode == 3 and json.loads(done.stdout)["ok"] is False
