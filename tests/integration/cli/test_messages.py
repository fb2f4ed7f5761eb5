"""pub, sub, push, pull: what goes in comes out, as documented.

SPDX-License-Identifier: MIT
"""

import base64
import json

import pytest

SHAPE = ["kind", "channel", "topic", "type", "seq", "ts_ms", "id", "sender", "priority", "attempts", "bytes", "payload", "attachments"]


def test_a_pushed_message_is_pulled_with_the_documented_shape(cli):
    sent = cli.json("push", "jobs", '{"n":1,"text":"\u00fc","list":[1.5,null,true]}')
    assert sent["channel"] == "jobs" and sent["sent"] == 1 and sent["refused"] == 0
    (got,) = cli.lines("pull", "jobs", "--count", 1, "--ack", "--wait", "20s")
    assert list(got) == SHAPE
    assert got["kind"] == "work" and got["channel"] == "jobs" and got["type"] == "jobs"
    assert got["payload"] == {"n": 1, "text": "\u00fc", "list": [1.5, None, True]}
    assert cli.json("channel", "info", "jobs")["settled"] == 1


def test_an_event_reaches_a_subscriber_of_its_topic(cli):
    sub = cli.start("sub", "demo.>", "--count", "1", "--json")
    sub.wait_line("subscribed to events")
    cli.ok("pub", "other.hi", "1")
    cli.ok("pub", "demo.hi", '{"n":1}')
    got = json.loads(sub.output())
    assert sub.child.returncode == 0
    assert list(got) == SHAPE
    assert (got["kind"], got["topic"], got["payload"]) == ("event", "demo.hi", {"n": 1})


def test_a_topic_led_by_a_channel_goes_there(cli):
    assert cli.json("pub", "news.sport", "1")["channel"] == "news"
    assert cli.json("pub", "newspaper", "1")["channel"] == "events"
    assert cli.json("pub", "news.sport", "1", "--channel", "events")["channel"] == "events"


def test_history_is_replayed_from_a_sequence_number(cli):
    cli.ok("pub", "news.a", '{"n":{{Count}}}', "--count", 5)
    got = cli.lines("sub", "--channel", "news", "--from", 3, "--count", 3, "--wait", "20s")
    assert [m["payload"]["n"] for m in got] == [3, 4, 5]


def test_plain_output_is_tab_separated_fields(cli):
    cli.ok("push", "jobs", '"word"')
    fields = cli.ok("pull", "jobs", "--count", 1).rstrip("\n").split("\t")
    assert fields[1] == "jobs" and fields[2] == "5" and fields[4] == '"word"'


def test_templates_are_filled_in_and_can_be_turned_off(cli):
    cli.ok("push", "jobs", '{"n":{{Count}},"at":"{{TimeStamp}}","r":"{{Random 10 20}}"}', "--count", 2)
    one, two = [m["payload"] for m in cli.lines("pull", "jobs", "--count", 2)]
    assert (one["n"], two["n"]) == (1, 2)
    assert 10 <= len(one["r"]) <= 20 and one["r"] != two["r"] and one["at"].endswith("Z")
    cli.ok("push", "jobs", '"{{Count}}"', "--no-template")
    assert cli.lines("pull", "jobs", "--count", 1)[0]["payload"] == "{{Count}}"


def test_bytes_travel_inline_and_attached(cli):
    small, large = b"\x00\xff\x80", bytes(range(256)) * 64
    cli.ok("push", "jobs", '{"$bin":"%s"}' % base64.b64encode(small).decode())
    got = cli.lines("pull", "jobs", "--count", 1)[0]
    assert got["payload"] == {"$bin": base64.b64encode(small).decode()}
    cli.ok("push", "jobs", "--raw", "-", stdin=large.decode("latin-1"))
    got = cli.lines("pull", "jobs", "--count", 1)[0]
    assert got["payload"] is None
    assert base64.b64decode(got["attachments"][0]["$bin"]).decode("utf-8").encode("latin-1") == large


def test_stdin_is_the_body(cli):
    cli.ok("push", "jobs", "-", stdin='{"from":"stdin"}\n')
    assert cli.ok("pull", "jobs", "--count", 1, "--raw") == '{"from":"stdin"}\n'


def test_headers_set_fields_of_the_envelope(cli):
    cli.ok("push", "jobs", "1", "-H", "priority:90", "-H", "id:mine", "--type", "x.y")
    got = cli.lines("pull", "jobs", "--count", 1)[0]
    assert (got["priority"], got["id"], got["type"]) == (90, "mine", "x.y")


def test_what_is_peeked_at_is_there_again(cli):
    cli.ok("push", "jobs", "{{Count}}", "--count", 3)
    assert [m["payload"] for m in cli.lines("pull", "jobs", "--count", 2, "--peek")] == [1, 2]
    assert sorted(m["payload"] for m in cli.lines("pull", "jobs", "--count", 3)) == [1, 2, 3]


def test_what_is_nacked_comes_again_as_a_second_attempt(cli):
    cli.ok("push", "jobs", "1")
    assert cli.lines("pull", "jobs", "--count", 1, "--nack", "no")[0]["attempts"] == 1
    assert cli.lines("pull", "jobs", "--count", 1, "--wait", "20s")[0]["attempts"] == 2


def test_a_full_channel_is_5_and_what_was_sent_before_7(cli):
    done = cli.run("push", "tiny", "1", "--count", 3, "--timeout", "300ms", "--json")
    assert done.returncode == 7 and json.loads(done.stdout)["sent"] == 2
    assert cli.run("push", "tiny", "1", "--timeout", "300ms").returncode == 5


def test_nothing_within_the_wait_is_5_and_less_than_asked_7(cli):
    assert cli.run("pull", "jobs", "--wait", "200ms").returncode == 5
    cli.ok("push", "jobs", "1")
    assert cli.run("pull", "jobs", "--wait", "500ms", "--count", 2).returncode == 7


def test_an_unknown_channel_is_6_and_the_nearest_is_named(cli):
    done = cli.run("pull", "jbos", "--count", 1)
    assert done.returncode == 6 and "jobs" in done.stderr


def test_an_interrupt_is_130(cli):
    sub = cli.start("sub")
    sub.wait_line("subscribed")
    assert sub.stop() == 130


def test_a_dry_run_sends_nothing(cli):
    sent = cli.json("push", "jobs", "1", "--count", 3, "--dry-run")
    assert sent["dry_run"] is True and sent["sent"] == 0
    assert cli.json("channel", "info", "jobs")["accepted"] == 0


def test_dump_writes_each_body_to_a_file(cli, tmp_path):
    cli.ok("push", "jobs", '{"n":{{Count}}}', "--count", 2)
    cli.ok("pull", "jobs", "--count", 2, "--dump", tmp_path / "out")
    assert [(tmp_path / "out" / f"{n}.json").read_text() for n in (1, 2)] == ['{"n":1}', '{"n":2}']


@pytest.mark.parametrize("channel", ["jobs", "events"])
def test_a_tap_sees_traffic_and_takes_nothing(cli, channel):
    tap = cli.start("sub", "--tap", channel, "--count", "1", "--json")
    tap.wait_line("tapping")
    cli.ok(*(["push", "jobs", "7"] if channel == "jobs" else ["pub", "x.y", "7"]))
    assert json.loads(tap.output())["payload"] == 7
    if channel == "jobs":
        assert cli.lines("pull", "jobs", "--count", 1)[0]["payload"] == 7
