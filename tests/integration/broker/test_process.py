"""stratod as a process: start, refuse to start, drain, reload, log, explain itself.

SPDX-License-Identifier: MIT
"""

import json
import os
import shutil
import signal
import socket
import subprocess

import pytest
import zmq

from stratod import STRATOD, Stratod, ask, eventually, frame, values


def run(*arguments, **options):
    return subprocess.run([STRATOD, *arguments], capture_output=True, text=True, timeout=60, check=False, **options)


def put(sockets, broker, channel, **header):
    req = sockets.connect(zmq.REQ, broker.endpoint("native"))
    return ask(req, {"op": "put", "ch": channel, "rq": 1, **header}, {"type": "x"})[0]


def test_an_idle_broker_stops_with_zero():
    with Stratod() as broker:
        assert broker.stop() == 0
        assert any("stopped leased_abandoned=0 dropped_shutdown=0" in line for line in broker.lines)


def test_sigint_drains_too():
    with Stratod() as broker:
        assert broker.stop(signal.SIGINT) == 0


def test_what_is_left_behind_is_counted_and_exit_is_3(sockets):
    with Stratod("--drain-timeout", "1s") as broker:
        for _ in range(3):
            assert put(sockets, broker, "evolution")["op"] == "ok"
        req = sockets.connect(zmq.REQ, broker.endpoint("native"))
        assert ask(req, {"op": "get", "ch": "evolution", "rq": 1})[0]["op"] == "deliver"
        assert broker.stop() == 3
        broker.wait_line(r"stopped leased_abandoned=1 dropped_shutdown=[23]")


def test_a_drain_waits_for_what_is_leased(sockets):
    with Stratod("--drain-timeout", "60s") as broker:
        assert put(sockets, broker, "evolution")["op"] == "ok"
        req = sockets.connect(zmq.REQ, broker.endpoint("native"))
        header, _, _ = ask(req, {"op": "get", "ch": "evolution", "rq": 1})
        broker.child.send_signal(signal.SIGTERM)
        broker.wait_line("draining")
        refused = eventually(lambda: (lambda a: a if a.get("name") else None)(ask(req, {"op": "put", "ch": "evolution", "rq": 2}, {"type": "x"})[0]),
                             "new puts are refused")
        assert refused["name"] == "E_DRAINING" and refused["retry_ms"] > 0
        ask(req, {"op": "ack", "ch": "evolution", "rq": 3, "leases": header["leases"], "confirm": True})
        assert broker.child.wait(60) in (0, 3)
        broker.wait_line(r"stopped leased_abandoned=0")


def test_a_second_signal_leaves_at_once(sockets):
    with Stratod("--drain-timeout", "1h") as broker:
        assert put(sockets, broker, "evolution")["op"] == "ok"
        req = sockets.connect(zmq.REQ, broker.endpoint("native"))
        assert ask(req, {"op": "get", "ch": "evolution", "rq": 1})[0]["op"] == "deliver"
        broker.child.send_signal(signal.SIGTERM)
        broker.wait_line("draining")
        assert broker.stop() == 3
        broker.wait_line("second signal")


def test_sessions_are_told_of_the_drain(sockets):
    with Stratod() as broker:
        dealer = sockets.connect(zmq.DEALER, broker.endpoint("native"))
        dealer.send(frame({"op": "hello", "kind": "agent"}))
        assert values(dealer.recv())[0]["op"] == "welcome"
        broker.child.send_signal(signal.SIGTERM)
        eventually(lambda: values(dealer.recv())[0]["op"] == "drain", "a drain notice")
        assert broker.child.wait(60) == 0


def test_a_port_in_use_says_which_and_by_whom():
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        done = run("--port", str(port), "--services", "") if port < 65445 else None
        if done is None:
            pytest.skip("the kernel gave a port that is no base port")
        assert done.returncode == 1
        assert f"tcp://127.0.0.1:{port} is in use" in done.stderr
        assert f"pid {os.getpid()}" in done.stderr


def test_a_living_brokers_unix_socket_is_not_taken_over():
    with Stratod() as broker:
        done = run("--host", "", "--run-dir", broker.folder.name, "--services", "")
        assert done.returncode == 1 and "is in use" in done.stderr and ".sock" in done.stderr
        assert broker.child.poll() is None


def test_a_dead_brokers_unix_socket_is_reused(tmp_path):
    with Stratod("--run-dir", str(tmp_path)) as broker:
        broker.child.kill()
        broker.child.wait()
    with Stratod("--run-dir", str(tmp_path)) as broker:
        assert os.stat(tmp_path / "strato.native.sock").st_mode & 0o777 == 0o660
        assert broker.stop() == 0


@pytest.mark.parametrize("arguments,text", [
    (["--host", "0.0.0.0"], "--insecure"),
    (["--prot", "1"], "did you mean --port?"),
    (["--port", "70000"], "from 0 to 65445"),
    (["--max-message", "1GiB"], "from 64KiB to 64MiB"),
    (["stray"], "takes no operands"),
    (["--push-pull", "gpu"], "gpu has no push/pull edge"),
    (["--config", "/nonexistent.yaml"], "no such file"),
])
def test_wrong_usage_exits_2_with_cause_and_fix(arguments, text):
    done = run(*arguments)
    assert done.returncode == 2 and text in done.stderr, done.stderr


def test_too_few_descriptors_refuse_the_start():
    done = run("--port", "0", "--connections", "5000", "--services", "",
               preexec_fn=lambda: __import__("resource").setrlimit(__import__("resource").RLIMIT_NOFILE, (1000, 1000)))
    assert done.returncode == 2 and "file descriptors" in done.stderr and "5256" in done.stderr


def test_check_config_judges_a_file(tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("port: 8800\nchannels:\n  - {name: jobs, capacity: 500}\npush_pull: [jobs]\n")
    bad.write_text("port: 8800\nchannels:\n  - {name: jobs, capcity: 500}\n")
    assert run("--check-config", str(good)).returncode == 0
    done = run("--check-config", str(bad))
    assert done.returncode == 2
    assert f"{bad}:3:18" in done.stderr and "did you mean capacity" in done.stderr


def test_show_config_says_where_each_value_came_from(tmp_path):
    path = tmp_path / "stratod.yaml"
    path.write_text("heartbeat: 7s\nspin_us: 5\n")
    done = run("--config", str(path), "--port", "8800", "--show-config", env={**os.environ, "STRATO_SPIN_US": "50"})
    assert done.returncode == 0
    lines = {line.split(":")[0]: line for line in done.stdout.splitlines()}
    assert lines["port"] == "port: 8800 # flag"
    assert lines["spin_us"] == "spin_us: 50 # environment STRATO_SPIN_US"
    assert lines["heartbeat"] == f"heartbeat: 7s # file {path}:1:12"
    assert lines["max_message"] == "max_message: 10MiB # default"


def test_the_base_port_moves_every_edge():
    with socket.create_server(("127.0.0.1", 0)) as held:
        base = min(held.getsockname()[1], 65000)
    done = Stratod("--port", str(base))  # the last flag wins over --port 0
    try:
        done.wait_line("ready endpoint=")
    except AssertionError:
        done.__exit__(None, None, None)
        pytest.skip("somebody took one of the ports meanwhile")
    with done as broker:
        assert broker.endpoint("native").endswith(f":{base}")
        assert broker.endpoint("pub_out").endswith(f":{base + 1}")
        assert broker.endpoint("events_push").endswith(f":{base + 3}")
        assert broker.endpoint("push:evolution").endswith(f":{base + 12}")
        assert broker.endpoint("pull:evolution").endswith(f":{base + 13}")


def test_logs_may_be_json():
    with Stratod("--log-format", "json") as broker:
        assert broker.stop() == 0
    assert all(json.loads(line)["level"] in ("error", "warn", "info", "debug") for line in broker.lines)


def test_sighup_changes_the_log_level_and_names_what_needs_a_restart(tmp_path):
    path = tmp_path / "stratod.yaml"
    path.write_text("log_level: info\n")
    with Stratod("--config", str(path)) as broker:
        path.write_text("log_level: debug\nspin_us: 50\n")
        broker.child.send_signal(signal.SIGHUP)
        broker.wait_line("setting changed key=log-level before=info after=debug")
        broker.wait_line("setting needs a restart key=spin-us")
        path.write_text("log_level: [")
        broker.child.send_signal(signal.SIGHUP)
        broker.wait_line("reload refused")
        assert broker.stop() == 0


def test_help_shows_two_examples():
    done = run("--help")
    assert done.returncode == 0 and done.stdout.count("  stratod") >= 2 and "--max-message SIZE" in done.stdout


def test_the_man_page_is_valid(tmp_path):
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed")
    page = tmp_path / "stratod.8"
    page.write_text(run("--dump-man").stdout)
    done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", str(page)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_valid_for_the_shell(tmp_path, shell):
    done = run(f"--dump-completion={shell}")
    assert done.returncode == 0 and "log-format" in done.stdout
    if shutil.which(shell):
        script = tmp_path / "completion"
        script.write_text(done.stdout)
        subprocess.run([shell, "-n", str(script)], check=True)
