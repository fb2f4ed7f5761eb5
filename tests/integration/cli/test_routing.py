"""route, send, inbox, history: where messages go, who gets them, and what is remembered.

SPDX-License-Identifier: MIT
"""

import json
import subprocess

import pytest

from conftest import BUILD, Bus, Cli


def ready(cli, channel):
    return cli.json("channel", "info", channel)["ready"]


def test_a_rule_is_added_listed_changed_and_removed(cli):
    added = cli.json("route", "add", "tee", "tiny", "--id", "copies", "--channel", "jobs", "--priority", 7)
    assert added == {"operation": "admin.route.add", "id": "copies", "dry_run": False,
                     "rule": {"id": "copies", "action": "tee", "target": "tiny", "channel": "jobs", "priority": 7}}
    cli.ok("route", "add", "tee", "tiny", "--id", "copies", "--channel", "jobs", "--priority", 7)
    assert cli.json("route", "add", "redirect", "jobs", "--topic", "a.>")["id"] == "r1"
    rules = cli.json("route", "ls")
    assert [rule["id"] for rule in rules] == ["copies", "r1"]
    assert rules[0]["enabled"] is True and rules[0]["matched"] == 0 and rules[1]["topic"] == "a.>"
    assert len(cli.ok("route", "ls", "--jsonl").splitlines()) == 2
    cli.ok("route", "set", "copies", "--enabled", "no", "--priority", 0)
    assert cli.ok("route", "ls").splitlines()[0].split("\t")[0] == "r1"
    cli.ok("route", "rm", "copies")
    assert cli.run("route", "rm", "copies").returncode == 6


def test_rules_copy_and_move(cli):
    cli.ok("channel", "add", "audit")
    cli.ok("channel", "add", "slow")
    cli.ok("route", "add", "tee", "audit", "--channel", "jobs")
    cli.ok("route", "add", "redirect", "slow", "--channel", "jobs", "--type", "render.*")
    cli.ok("push", "jobs", "1", "--type", "render.page")
    cli.ok("push", "jobs", "2", "--type", "mail")
    assert (ready(cli, "jobs"), ready(cli, "slow"), ready(cli, "audit")) == (1, 1, 2)
    (moved,) = cli.lines("pull", "slow", "--count", 1, "--wait", "20s")
    assert moved["type"] == "render.page" and moved["payload"] == 1
    assert [rule["matched"] for rule in cli.json("route", "ls")] == [2, 1]


def test_a_full_target_holds_the_message_in_its_source(cli):
    cli.ok("route", "add", "redirect", "tiny", "--channel", "jobs")
    cli.ok("push", "jobs", "{{Count}}", "--count", 3)
    assert (ready(cli, "jobs"), ready(cli, "tiny")) == (1, 2)
    taken = [cli.lines("pull", "tiny", "--count", 1, "--wait", "20s", "--ack")[0]["payload"] for _ in range(3)]
    assert taken == [1, 2, 3]
    assert ready(cli, "jobs") == 0 and cli.json("channel", "info", "jobs")["settled"] == 3


@pytest.mark.parametrize("arguments, code", [
    (("tee", "cost"), 1),
    (("redirect", "news", "--channel", "jobs"), 1),
    (("copy", "jobs"), 2),
    (("tee", "jobs", "--priority", "256"), 2),
    (("tee", "jobs", "--enabled", "maybe"), 2),
    (("tee", "jobs", "--topic", "a" * 201), 1),
    (("tee", "jobs", "--topic", "a..b"), 1),
    (("tee", "jobs", "--channel", "jobs"), 1),
])
def test_rules_that_cannot_be_are_refused(cli, arguments, code):
    done = cli.run("route", "add", *arguments)
    assert done.returncode == code and done.stderr
    assert cli.json("route", "ls") == []


def test_a_dry_run_changes_nothing(cli):
    assert cli.json("route", "add", "tee", "jobs", "--dry-run")["dry_run"] is True
    assert cli.json("route", "ls") == []


def test_mail_waits_for_its_agent(cli):
    assert cli.run("send", "a17", "1").returncode == 6
    first = cli.start("inbox", "a17", "--json", "--count", 2)
    first.wait_line("receiving as a17")
    cli.ok("send", "a17", '{"n":1}')
    cli.ok("send", "@a17", '{"n":2}')
    got = [json.loads(line) for line in first.output().splitlines()]
    assert [mail["payload"]["n"] for mail in got] == [1, 2] and got[0]["channel"] == "@a17"
    cli.ok("send", "a17", '{"n":3}')  # it has left, and its name is still known
    (kept,) = cli.lines("inbox", "a17", "--count", 1, "--wait", "20s")
    assert kept["payload"] == {"n": 3}
    cli.ok("push", "@a17", "4")
    (pushed,) = cli.lines("inbox", "a17", "--count", 1, "--wait", "20s")
    assert pushed["payload"] == 4


def test_a_name_is_held_by_one(cli):
    first = cli.start("inbox", "a17")
    first.wait_line("receiving as a17")
    assert cli.run("inbox", "a17", "--wait", "1s").returncode != 0
    first.stop()


def test_history_is_asked_by_place_topic_type_and_correlation(cli):
    cli.ok("pub", "news.eu.de", "1", "--type", "x.one", "-H", "correlation_id:c7")
    cli.ok("pub", "news.us.ny", "2", "--type", "x.two")
    cli.ok("pub", "news.eu.fr", "3", "--type", "y.one", "-H", "correlation_id:c7")

    def seqs(*arguments):
        return [line["seq"] for line in cli.lines("history", "news", *arguments)]

    assert seqs() == [1, 2, 3]
    assert seqs("--limit", 2) == [1, 2]
    assert seqs("--from-seq", 2) == [2, 3]
    assert seqs("--topic", "news.eu.*") == [1, 3]
    assert seqs("--topic", "news.eu.de", "--topic", "news.us.>") == [1, 2]
    assert seqs("--type", "x.*") == [1, 2]
    assert seqs("--correlation", "c7", "--type", "y.one") == [3]
    assert seqs("--sender", "nobody") == []
    third = cli.lines("history", "news", "--from-seq", 3)[0]
    assert seqs("--from-ts", third["ts_ms"])[-1] == 3
    assert seqs("--from-ts", third["ts_ms"] + 3_600_000) == []
    assert cli.run("history", "nwes").returncode == 6
    assert cli.run("history", "news", "--topic", "a..b").returncode == 1


def test_history_takes_nothing_and_shows_work_too(cli):
    cli.ok("push", "jobs", "{{Count}}", "--count", 3)
    assert [line["payload"] for line in cli.lines("history", "jobs")] == [1, 2, 3]
    assert ready(cli, "jobs") == 3


def test_history_tells_what_is_forgotten(cli):
    cli.ok("channel", "set", "news", "--history", 2)
    cli.ok("pub", "news.a", "{{Count}}", "--count", 5)
    gap, *kept = cli.lines("history", "news", "--from-seq", 1)
    assert (gap["kind"], gap["count"], gap["from"], gap["to"]) == ("lagged", 3, 1, 3)
    assert [line["seq"] for line in kept] == [4, 5]


def test_following_goes_on_without_a_seam(cli):
    cli.ok("pub", "news.a", "{{Count}}", "--count", 3)
    reader = cli.start("history", "news", "--follow", "--json", "--limit", 6, "--topic", "news.a")
    cli.ok("pub", "news.b", "0")
    cli.ok("pub", "news.a", "{{Count}}", "--count", 3)
    assert [json.loads(line)["payload"] for line in reader.output().splitlines()] == [1, 2, 3, 1, 2, 3]


def test_rules_of_the_configuration_are_there_from_the_start(tmp_path):
    path = tmp_path / "stratod.yaml"
    path.write_text("channels: [{name: jobs}, {name: audit}]\n"
                    "routes: [{id: copies, channel: jobs, target: audit}]\n")
    with Bus(BUILD, "--config", path, "--services", "") as bus:
        cli = Cli(f"ipc://{bus.folder}/strato.native.sock")
        cli.ok("push", "jobs", "1")
        assert ready(cli, "audit") == 1
        bus.assert_laws()


def test_a_rule_of_the_configuration_that_cannot_be_keeps_the_broker_from_starting(tmp_path):
    path = tmp_path / "stratod.yaml"
    path.write_text("routes: [{id: wrong, target: cost}]\n")
    done = subprocess.run([BUILD / "broker/stratod", "--config", path, "--port", "0"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode != 0 and "routing rule 'wrong'" in done.stderr


def test_a_channel_counts_by_topic_and_sender_when_asked(cli):
    assert cli.run("channel", "stats", "news").returncode == 1
    cli.ok("channel", "set", "news", "--tally", "yes")
    assert cli.json("channel", "stats", "news")["names"] == []
    cli.ok("pub", "news.a", "1", "--count", 3)
    cli.ok("pub", "news.b", "1")
    stats = cli.json("channel", "stats", "news", "--by", "topic")
    assert [(entry["name"], entry["messages"]) for entry in stats["names"]] == [("news.a", 3), ("news.b", 1)]
    assert stats["by"] == "topic" and stats["other"]["messages"] == 0 and stats["names"][0]["bytes"] > 0
    assert cli.ok("channel", "stats", "news", "--by", "topic", "--top", 1).splitlines()[0].startswith("news.a\t3\t")
    by_sender = cli.json("channel", "stats", "news", "--by", "sender")
    assert sum(entry["messages"] for entry in by_sender["names"]) == 4
    cli.ok("channel", "set", "news", "--tally", "no")
    assert cli.run("channel", "stats", "news").returncode == 1
    assert cli.run("channel", "stats", "nwes").returncode == 6
