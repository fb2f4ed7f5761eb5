"""dlq and receipts: what could not be done is listed, shown, sent back, forgotten; and its producer is told.

SPDX-License-Identifier: MIT
"""

import json


def fail(cli, *bodies, channel="jobs", options=()):
    """Messages that end in the dead letters at once, expired."""
    for body in bodies:
        cli.ok("push", channel, body, "-H", "ttl:1ms", *options)
    wait_for(cli, channel, len(bodies))


def wait_for(cli, channel, more, seen={}):  # pylint: disable=dangerous-default-value
    """Until the channel has dead-lettered that many more."""
    key = (cli.server, channel)
    seen[key] = seen.get(key, 0) + more
    while cli.json("channel", "info", channel)["dead_lettered"] < seen[key]:
        pass


def test_ls_shows_why_and_whose(cli):
    fail(cli, '{"n":1}', options=("-H", "topic:a.b", "--type", "t.x", "-H", "id:mine"))
    rows = cli.json("dlq", "ls", "jobs")
    assert len(rows) == 1
    row = rows[0]
    assert (row["id"], row["reason"], row["count"], row["topic"], row["type"]) == (1, "expired", 1, "a.b", "t.x")
    assert row["message_id"] == "mine" and row["sender"] == "local" and row["channel"] == "jobs" and row["seq"] == 1
    assert row["ttl_ms"] == 1 and row["attempts"] == 0 and row["redriven_from"] == 0
    line = cli.ok("dlq", "ls", "jobs", "--columns", "id,reason,topic")
    assert line == "1\texpired\ta.b\n"
    assert len(cli.ok("dlq", "ls", "jobs", "--jsonl").splitlines()) == 1
    assert cli.run("dlq", "ls", "jobs", "--columns", "colour").returncode == 2


def test_ls_is_filtered(cli):
    fail(cli, "1", options=("-H", "topic:a.b"))
    fail(cli, "2", options=("-H", "topic:a.c"))

    def ids(*options):
        return [row["id"] for row in cli.json("dlq", "ls", "jobs", *options)]

    assert ids() == [1, 2] and ids("--topic", "a.b") == [1] and ids("--topic", "a.>") == [1, 2]
    assert ids("--reason", "expired") == [1, 2] and ids("--reason", "rejected") == []
    assert ids("--sender", "local") == [1, 2] and ids("--sender", "bob") == []
    assert ids("--since", "1h") == [1, 2] and ids("--count", 1) == [1]
    done = cli.run("dlq", "ls", "jobs", "--reason", "tired")
    assert done.returncode == 1 and "reason" in done.stderr
    assert cli.run("dlq", "ls", "jbos").returncode == 6


def test_get_has_the_whole_message(cli):
    fail(cli, '{"n":[1,"x"]}', options=("-H", "priority:70"))
    entry = cli.json("dlq", "get", "jobs", 1)
    assert entry["payload"] == {"n": [1, "x"]} and entry["priority"] == 70 and entry["reason"] == "expired"
    assert len(entry["message_id"]) == 36 and entry["attachments"] == []
    assert "reason\texpired\n" in cli.ok("dlq", "get", "jobs", 1)
    done = cli.run("dlq", "get", "jobs", 99)
    assert done.returncode == 6, done.stderr
    assert cli.run("dlq", "get", "jobs", "one").returncode == 2
    assert cli.run("dlq", "get", "jobs", "-1").returncode == 2


def test_get_has_attachments(cli):
    big = "x" * 5000
    cli.ok("push", "jobs", "--raw", "-", "-H", "ttl:1ms", stdin=big)
    wait_for(cli, "jobs", 1)
    entry = cli.json("dlq", "get", "jobs", 1)
    assert len(entry["attachments"]) == 1 and len(entry["attachments"][0]["$bin"]) > 6000


def test_redrive_sends_back_and_remembers(cli):
    fail(cli, "1", "2", "3")
    assert cli.json("dlq", "redrive", "jobs", "--all", "--dry-run")["messages"] == 3
    report = cli.json("dlq", "redrive", "jobs", 2)
    assert report == {"operation": "redrive", "channel": "jobs", "messages": 1, "left": 0, "skipped": 0, "dry_run": False}
    wait_for(cli, "jobs", 1)  # its time to live was 1 ms
    rows = cli.json("dlq", "ls", "jobs")
    assert [(row["id"], row["count"], row["redriven_from"]) for row in rows] == [(1, 1, 0), (3, 1, 0), (4, 2, 2)]
    assert cli.run("dlq", "redrive", "jobs").returncode == 2
    assert cli.run("dlq", "redrive", "jobs", 1, "--all").returncode == 2
    assert cli.run("dlq", "redrive", "jobs", 99).returncode == 6


def test_redrive_stops_when_the_channel_is_full(cli):
    fail(cli, "1", "2", channel="tiny")
    cli.ok("push", "tiny", "3")
    cli.ok("push", "tiny", "4")
    done = cli.run("dlq", "redrive", "tiny", "--all", "--json")
    assert done.returncode == 5 and json.loads(done.stdout)["left"] == 2
    cli.ok("pull", "tiny", "--count", 1)
    done = cli.run("dlq", "redrive", "tiny", "--all", "--json")
    assert done.returncode == 7, done.stderr
    report = json.loads(done.stdout)
    assert report["messages"] == 1 and report["left"] == 1


def test_purge_wants_yes(cli):
    fail(cli, "1", "2", "3")
    assert cli.run("dlq", "purge", "jobs", "--all").returncode == 2
    assert cli.json("dlq", "purge", "jobs", "--all", "--dry-run")["messages"] == 3
    assert cli.json("dlq", "purge", "jobs", 1, "--yes")["messages"] == 1
    assert cli.json("dlq", "purge", "jobs", "--reason", "expired", "--yes")["messages"] == 2
    assert cli.json("dlq", "ls", "jobs") == []


def test_a_receipt_says_that_the_work_was_done(cli):
    cli.ok("channel", "pause", "jobs")
    pushing = cli.start("push", "jobs", "1", "--receipt", "--json", "-H", "id:mine")
    while cli.json("channel", "info", "jobs")["ready"] == 0:
        pass
    cli.ok("channel", "resume", "jobs")
    cli.ok("pull", "jobs", "--count", 1)
    lines = [json.loads(line) for line in pushing.output().splitlines()]
    assert lines[0] == {"kind": "receipt", "channel": "jobs", "id": "mine", "outcome": "settled", "reason": None, "attempts": 1}
    assert lines[1]["outcomes"] == {"settled": 1, "expired": 0, "dead": 0, "dropped": 0} and lines[1]["sent"] == 1
    assert pushing.child.returncode == 0


def test_a_receipt_says_that_the_work_is_dead(cli):
    done = cli.run("push", "jobs", "1", "--receipt", "-H", "ttl:1ms", "-H", "id:late")
    assert done.returncode == 1 and done.stdout == "late\tdead\texpired\t0\n", done.stderr


def test_a_receipt_comes_from_a_mailbox_too(cli):
    agent = cli.start("inbox", "bob", "--count", "1")
    while (done := cli.run("send", "bob", "1", "--receipt", "--json", "-H", "id:mail")).returncode == 6:
        pass  # until bob is known by its name
    assert done.returncode == 0, done.stderr
    receipt = json.loads(done.stdout.splitlines()[0])
    assert (receipt["channel"], receipt["id"], receipt["outcome"]) == ("@bob", "mail", "settled")
    agent.output()


def test_a_receipt_is_waited_for_only_so_long(cli):
    done = cli.run("push", "jobs", "1", "--count", 2, "--receipt", "--wait", "200ms")
    assert done.returncode == 5 and "2 of 2 receipts did not come" in done.stderr
    wait = cli.run("pub", "x.y", "1", "--receipt")
    assert wait.returncode == 2
