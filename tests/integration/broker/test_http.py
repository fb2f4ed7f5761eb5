"""The HTTP door of stratod: figures, health and JSON; who is refused; peers that are slow, silent or many.

SPDX-License-Identifier: MIT
"""

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import pytest
import zmq

from stratod import Stratod, ask, eventually

CONNECTIONS_MAX = 64


def door(broker):
    return broker.wait_line(r"listening edge=http endpoint=\"?(http://[^\s\"]+)")[1]


def fetch(broker, path, method="GET", **headers):
    """Status, headers, text."""
    request = urllib.request.Request(door(broker) + path, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def metrics(broker):
    """Series with their labels, as Prometheus would name them, and values."""
    status, _, text = fetch(broker, "/metrics")
    assert status == 200, text
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    assert len({name for name, _ in lines}) == len(lines), "a series stands twice"
    return {name: float(value) for name, value in lines}


def connect(broker):
    host, port = re.match(r"http://(.*):(\d+)$", door(broker)).groups()
    return socket.create_connection((host, int(port)), timeout=30)


def put(req, channel, count):
    for i in range(count):
        assert ask(req, {"op": "put", "ch": channel, "rq": i}, {"type": "x"})[0]["op"] == "ok"


def test_the_conservation_law_is_in_the_metrics(broker, sockets):
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    put(req, "jobs", 5)
    header, _, _ = ask(req, {"op": "get", "ch": "jobs", "rq": 1})
    ask(req, {"op": "ack", "ch": "jobs", "rq": 2, "leases": header["leases"]})
    ask(req, {"op": "get", "ch": "jobs", "rq": 3})

    def told():
        seen = metrics(broker)
        return seen if seen['strato_messages_leased{channel="jobs"}'] else None

    seen = eventually(told, "the figures are those after the last get")
    assert seen['strato_messages_accepted_total{channel="jobs"}'] == 5
    assert seen['strato_messages_settled_total{channel="jobs"}'] == 1
    assert seen['strato_messages_ready{channel="jobs"}'] == 3
    channels = {name.split('"')[1] for name in seen if name.startswith("strato_messages_accepted_total")}
    assert "gpu" in channels
    for channel in channels:
        columns = ["settled_total", "expired_total", "deadlettered_total", "ready", "leased", "delayed"]
        sums = sum(seen[f'strato_messages_{column}{{channel="{channel}"}}'] for column in columns)
        sums += sum(v for k, v in seen.items() if k.startswith(f'strato_messages_dropped_total{{channel="{channel}",'))
        assert seen[f'strato_messages_accepted_total{{channel="{channel}"}}'] == sums, channel
    assert {re.search(r'reason="(\w+)"', k)[1] for k in seen if k.startswith("strato_messages_dropped_total")} == {
        "queue_full", "slow_subscriber", "displaced", "cancelled", "purged", "shutdown"}


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is missing: install Debian's prometheus")
def test_promtool_finds_nothing_to_say_about_the_metrics(broker):
    _, headers, text = fetch(broker, "/metrics")
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout + done.stderr == "", done.stdout + done.stderr


def test_channels_beyond_the_cap_are_one_series_and_sums_stay_right(tmp_path, sockets):
    path = tmp_path / "many.yaml"
    path.write_text("channels:\n" + "".join(f"  - {{name: c{i:03}, pattern: work}}\n" for i in range(230)))
    with Stratod("--config", str(path)) as broker:
        req = sockets.connect(zmq.REQ, broker.endpoint("native"))
        put(req, "c000", 1)
        put(req, "c229", 2)
        eventually(lambda: metrics(broker)['strato_messages_ready{channel="other"}'] == 2, "the last is in other")
        seen = metrics(broker)
        names = [name for name in seen if name.startswith("strato_messages_ready{") and '"@"' not in name]
        assert len(names) == 201
        assert sum(seen[name] for name in names) == 3
        total = json.loads(fetch(broker, "/api/v1/channels?limit=0")[2])["total"]
        mailboxes = sum(row["name"].startswith("@") for row in json.loads(fetch(broker, "/api/v1/channels?limit=1000")[2])["channels"])
        assert seen["strato_series_capped_channels"] == total - mailboxes - 200
        assert broker.stop() in (0, 3)


def test_a_channel_that_is_called_other_is_one_series(tmp_path, sockets):
    path = tmp_path / "other.yaml"
    path.write_text("channels: [{name: other, pattern: work}]\n")
    with Stratod("--config", str(path)) as broker:
        put(sockets.connect(zmq.REQ, broker.endpoint("native")), "other", 3)
        eventually(lambda: metrics(broker)['strato_messages_ready{channel="other"}'] == 3, "it is counted")
        assert metrics(broker)["strato_series_capped_channels"] == 0
        assert broker.stop() in (0, 3)


def test_lists_are_json_in_pages(broker):
    everything = json.loads(fetch(broker, "/api/v1/channels")[2])
    assert everything["total"] == len(everything["channels"]) > 8
    page = json.loads(fetch(broker, "/api/v1/channels?offset=2&limit=3")[2])
    assert [row["name"] for row in page["channels"]] == [row["name"] for row in everything["channels"][2:5]]
    assert page["total"] == everything["total"]
    for path in ("sessions", "workers", "routes"):
        assert json.loads(fetch(broker, "/api/v1/" + path)[2])[path] == []


def test_a_channel_and_its_depth_are_found_by_name(broker, sockets):
    put(sockets.connect(zmq.REQ, broker.endpoint("native")), "jobs", 4)
    eventually(lambda: json.loads(fetch(broker, "/api/v1/channels/jobs/depth")[2]) == {"depth": 4}, "four wait")
    assert json.loads(fetch(broker, "/api/v1/channels/jobs")[2])["capacity"] == 100
    status, _, text = fetch(broker, "/api/v1/channels/nobody/depth")
    assert (status, json.loads(text)["error"]) == (404, "E_NO_CHANNEL")


@pytest.mark.parametrize("query", ["limit=1001", "limit=-1", "limit=", "offset=x", "offset=99999999999"])
def test_a_page_out_of_bounds_is_refused(broker, query):
    status, _, text = fetch(broker, "/api/v1/channels?" + query)
    assert (status, json.loads(text)["error"]) == (400, "E_SCHEMA")


def test_the_largest_page_is_taken(broker):
    assert fetch(broker, "/api/v1/channels?limit=1000")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_the_door_is_read_only(broker, method):
    status, headers, _ = fetch(broker, "/api/v1/channels", method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_a_name_that_is_not_this_machines_is_refused(broker):
    assert fetch(broker, "/metrics", Host="evil.example")[0] == 403
    assert fetch(broker, "/metrics", Host="localhost:7790")[0] == 200
    assert fetch(broker, "/metrics", Host="[::1]:7790")[0] == 200


def test_an_idle_broker_lives_and_is_ready(broker):
    assert fetch(broker, "/healthz/live")[::2] == (200, "ok\n")
    assert fetch(broker, "/healthz/ready")[::2] == (200, "ok\n")


def test_a_draining_broker_lives_and_is_not_ready(broker, sockets):
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    put(req, "jobs", 1)
    ask(req, {"op": "get", "ch": "jobs", "rq": 1})  # held: the drain waits for it
    broker.child.send_signal(signal.SIGTERM)
    eventually(lambda: fetch(broker, "/healthz/ready")[0] == 503, "no longer ready")
    assert fetch(broker, "/healthz/live")[0] == 200


# ---- tokens


def token_file(tmp_path, text="0123456789abcdef\n", mode=0o600):
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_token_is_asked_for_everywhere_but_at_health(tmp_path):
    with Stratod("--http-token", str(token_file(tmp_path))) as broker:
        for path in ("/", "/metrics", "/api/v1/channels", "/nothing"):
            status, headers, text = fetch(broker, path)
            assert (status, json.loads(text)["error"]) == (401, "E_AUTH")
            assert headers["WWW-Authenticate"].startswith("Bearer")
        assert fetch(broker, "/metrics", Authorization="Bearer 0123456789abcdeX")[0] == 401
        assert fetch(broker, "/metrics", Authorization="Bearer 0123456789abcde")[0] == 401
        assert fetch(broker, "/metrics", Authorization="Basic 0123456789abcdef")[0] == 401
        assert fetch(broker, "/metrics", Authorization="Bearer 0123456789abcdef")[0] == 200
        assert fetch(broker, "/healthz/ready")[0] == 200
        assert broker.stop() == 0


def refusal(*arguments):
    broker = Stratod(*arguments)
    status = broker.child.wait(30)
    broker.wait_line(".")
    text = "\n".join(broker.lines)
    broker.folder.cleanup()
    return status, text


def test_beyond_loopback_there_is_no_door_without_a_token(tmp_path):
    status, text = refusal("--http", "0.0.0.0")
    assert status == 2 and "http_token" in text
    with Stratod("--http", "0.0.0.0", "--http-token", str(token_file(tmp_path))) as broker:
        assert door(broker).startswith("http://0.0.0.0:")
        assert broker.stop() == 0


@pytest.mark.parametrize("text, mode, said", [
    ("0123456789abcdef", 0o640, "chmod 600"),
    ("0123456789abcde", 0o600, "16 to 256"),
    ("x" * 257, 0o600, "16 to 256"),
    ("0123456789abcdef\nmore\n", 0o600, "one line"),
])
def test_a_token_file_that_is_no_good_is_refused(tmp_path, text, mode, said):
    status, lines = refusal("--http-token", str(token_file(tmp_path, text, mode)))
    assert status == 2 and said in lines


def test_a_port_that_is_taken_is_named(broker):
    port = door(broker).rsplit(":", 1)[1]
    status, text = refusal("--http-port", port)
    assert status == 1 and f"port {port}" in text and "http_port" in text


def test_there_is_no_door_if_none_is_wanted():
    with Stratod("--http", "") as broker:
        assert not any("edge=http" in line for line in broker.lines)
        assert broker.stop() == 0


# ---- bad company


def test_garbage_gets_an_error_and_hurts_nobody(broker):
    for garbage in (b"\x00" * 100 + b"\r\n\r\n", b"GET\r\n\r\n", os.urandom(4000) + b"\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"):
        with connect(broker) as peer:
            peer.sendall(garbage)
            peer.shutdown(socket.SHUT_WR)
            try:
                while peer.recv(4096):
                    pass
            except ConnectionError:
                pass
    assert fetch(broker, "/healthz/live")[0] == 200


def test_headers_beyond_the_limit_are_refused(broker):
    assert fetch(broker, "/healthz/live", X="y" * 8000)[0] == 200
    assert fetch(broker, "/healthz/live", X="y" * 17000)[0] in (413, 431)


def test_idle_peers_make_room_for_who_asks(broker, sockets):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    peers = [connect(broker) for _ in range(500)]
    try:
        for peer in peers[:250]:
            try:
                peer.sendall(b"GET /metrics HTTP/1.1\r\nX-Drip: ")  # and never the rest
            except ConnectionError:
                pass
        assert fetch(broker, "/healthz/live")[0] == 200
        seen = metrics(broker)
        assert seen["strato_http_connections"] <= CONNECTIONS_MAX
        assert seen['strato_http_connections_ended_total{cause="room"}'] >= 400
        put(sockets.connect(zmq.REQ, broker.endpoint("native")), "jobs", 3)
    finally:
        for peer in peers:
            peer.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_answers_are_counted_by_status(broker):
    fetch(broker, "/nothing")
    fetch(broker, "/", "POST")
    seen = metrics(broker)
    assert seen['strato_http_responses_total{code="404"}'] == 1
    assert seen['strato_http_responses_total{code="405"}'] == 1
