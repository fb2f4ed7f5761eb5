"""Every verb against a real broker: what it prints as JSON, and how it ends.

SPDX-License-Identifier: MIT
"""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))

from processes import Bus  # noqa: E402

BUILD = pathlib.Path(os.environ["STRATO_BUILD"])
CONFIG = "channels:\n  - {name: jobs, pattern: work}\n  - {name: small, pattern: work, capacity: 3}\n"


@pytest.fixture(scope="module")
def bus(tmp_path_factory):
    config = tmp_path_factory.mktemp("cli") / "stratod.yaml"
    config.write_text(CONFIG)
    with Bus(BUILD, "--config", config) as running:
        running.ipc = f"ipc://{running.folder}/strato.native.sock"
        worker = running.start(BUILD / "worker/strato-worker", "--device", "sim", "--broker", running.endpoint)
        worker.wait_line("taking work channel=fitness")
        eventually_consumed(running, "fitness")
        yield running
        running.assert_laws()
        assert worker.stop() == 0
        assert running.broker.stop() in (0, 3)


def eventually_consumed(bus, channel):
    eventually(bus, channel, "consumers")


def eventually_accepted(bus, channel):
    eventually(bus, channel, "accepted")


def eventually(bus, channel, key):
    """Wait by the broker's own word: the watch prints a line at each look."""
    watch = spawn(bus, "channel", "watch", channel, "--json", "--interval", "50ms", "--count", "600")
    for line in watch.stdout:
        if json.loads(line)[key]:
            break
    else:
        raise AssertionError(f"{channel} never had {key}")
    watch.send_signal(signal.SIGINT)
    watch.communicate()


def spawn(bus, *arguments):
    return subprocess.Popen([BUILD / "cli/strato", *arguments, "--server", bus.endpoint], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def said(child, word):
    """Wait until a child says on stderr that it has begun."""
    for line in child.stderr:
        if word in line:
            return
    raise AssertionError(f"never said {word!r}")


def finish(child):
    out, _ = child.communicate(timeout=60)
    return child.returncode, [json.loads(line) for line in out.splitlines()]


def one(bus, *arguments):
    return json.loads(bus.strato(*arguments, "--json").stdout)


def test_pub_and_sub(bus):
    sub = spawn(bus, "sub", "demo.>", "--count", "2", "--json")
    said(sub, "subscribed")
    told = one(bus, "pub", "demo.hi", '{"n":{{Count}}}', "--count", "2")
    assert (told["channel"], told["sent"], told["refused"]) == ("events", 2, 0)
    status, events = finish(sub)
    assert status == 0 and [e["payload"]["n"] for e in events] == [1, 2] and events[0]["kind"] == "event"


def test_req_and_reply(bus):
    reply = spawn(bus, "reply", "math.add", "--exec", "python3 -c 'import json,sys; v=json.load(sys.stdin); print(v[0]+v[1])'",
                  "--count", "1", "--json")
    said(reply, "serving")
    assert one(bus, "req", "math.add", "[20,22]")["payload"] == 42
    status, requests = finish(reply)
    assert status == 0 and requests[0]["kind"] == "request"


def test_push_and_pull(bus):
    assert one(bus, "push", "jobs", '{"n":1}')["sent"] == 1
    work = one(bus, "pull", "jobs", "--count", "1", "--ack", "--wait", "20s")
    assert work["kind"] == "work" and work["payload"] == {"n": 1}


def test_ping_and_health(bus):
    assert one(bus, "ping")["rtt_us"] > 0
    assert one(bus, "health", "deep")["ok"] is True


def test_channel_verbs_that_look(bus):
    assert {"gpu", "events", "evolution", "jobs"} <= {row["name"] for row in one(bus, "channel", "ls")}
    assert one(bus, "channel", "info", "gpu")["capacity"] == 100
    assert one(bus, "channel", "watch", "gpu", "--count", "1")["depth"] == 0


def test_channel_verbs_that_change(bus):
    def admin(*arguments):
        done = subprocess.run([BUILD / "cli/strato", "channel", *arguments, "--json", "--server", bus.ipc],
                              capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout)["operation"]

    assert "add" in admin("add", "made", "--capacity", "7")
    assert one(bus, "channel", "info", "made")["capacity"] == 7
    assert "set" in admin("set", "made", "--capacity", "8")
    assert "pause" in admin("pause", "made") and "resume" in admin("resume", "made")
    assert "purge" in admin("purge", "made", "--yes") and "remove" in admin("rm", "made", "--yes")
    assert bus.strato("channel", "info", "made", check=False).returncode == 6


def test_gpu_verbs(bus):
    assert one(bus, "gpu", "info")
    told = one(bus, "gpu", "run", "vadd", "--n", "1000")
    assert told["ok"] is True and told["n"] == 1000


def test_a_gpu_command_may_wait_for_a_worker_that_is_still_starting():
    with Bus(BUILD, "--services", "") as own:
        assert own.strato("gpu", "info", check=False).returncode == 5
        early = spawn(own, "gpu", "run", "vadd", "--n", "1000", "--wait-responder", "60s", "--json")
        eventually_accepted(own, "gpu")
        own.start(BUILD / "worker/strato-worker", "--device", "sim", "--broker", own.endpoint)
        status, told = finish(early)
        assert status == 0 and told[0]["ok"] is True


@pytest.mark.parametrize("kind", ["pub", "sub", "req", "work"])
def test_bench_verbs(bus, kind):
    arguments = ["bench", kind, "--duration", "200ms", "--warmup", "50ms"]
    done = subprocess.run([BUILD / "cli/strato", *arguments, "--json", "--server", bus.ipc],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)


def test_evolve(bus):
    assert one(bus, "evolve", "--problem", "sphere", "--population", "16", "--generations", "5")["problem"] == "sphere"


@pytest.mark.parametrize("algo", ["ga", "cma-es"])
def test_a_saved_evolution_goes_on_elsewhere_as_if_never_broken(bus, tmp_path, algo):
    run = ["evolve", "--problem", "rastrigin", "--population", "16", "--dim", "4", "--algo", algo, "--seed", "3"]
    snapshot, later = str(tmp_path / "half.snap"), str(tmp_path / "whole.snap")
    whole = one(bus, *run, "--generations", "40", "--save", later)
    one(bus, *run, "--generations", "20", "--save", snapshot)
    with Bus(BUILD) as other:  # another broker, and nobody evaluates there but the service
        half = one(other, "evolve", "--resume", snapshot, "--generations", "20", "--save", snapshot)
        other.assert_laws()
    assert (half["generations"], half["best_fitness"], half["genome"]) == (40, whole["best_fitness"], whole["genome"])
    assert (half["problem"], half["dim"], half["population"]) == ("rastrigin", 4, 16)
    assert pathlib.Path(snapshot).read_bytes() == pathlib.Path(later).read_bytes()


def test_rates_of_the_genetic_algorithm_reach_the_service(bus):
    run = ["evolve", "--problem", "sphere", "--population", "16", "--dim", "4", "--generations", "30"]
    still = one(bus, *run, "--mutation-rate", "0", "--crossover-rate", "0", "--elites", "0", "--tournament", "16")
    assert still["best_fitness"] == one(bus, *run[:-1], "1", "--mutation-rate", "0", "--crossover-rate", "0")["best_fitness"]
    assert one(bus, *run, "--mutation-rate", "0.5")["best_fitness"] > still["best_fitness"]
    refused = bus.strato(*run, "--mutation-rate", "1.5", check=False)
    assert refused.returncode == 2 and "share from 0 to 1" in refused.stderr


def test_what_is_no_snapshot_is_refused(bus, tmp_path):
    wrong = tmp_path / "wrong.snap"
    wrong.write_bytes(b"wrong")
    for path, says in ((wrong, "not a snapshot"), (tmp_path / "none", "No such file")):
        done = bus.strato("evolve", "--resume", path, "--generations", "1", check=False)
        assert done.returncode and says in done.stderr, done.stderr


@pytest.mark.parametrize("arguments,status,says", [
    (["pub"], 2, "TOPIC"),
    (["push", "gpuu", "1"], 6, "did you mean 'gpu'?"),
    (["channel", "info", "gpuu"], 6, "did you mean gpu?"),
    (["req", "cost.query_cost", "{}"], 5, "nobody serves"),
    (["pull", "jobs", "--count", "1", "--wait", "100ms"], 5, ""),
    (["channel", "purge", "jobs", "--yes"], 4, "ipc://"),
    (["channel", "purge", "jobs"], 2, "--yes"),
])
def test_exit_codes_tell_what_happened(bus, arguments, status, says):
    done = bus.strato(*arguments, check=False)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert says in done.stderr


def test_a_full_channel_is_5_and_partly_refused_is_7(bus):
    assert bus.strato("push", "small", "1", "--count", "5", "--timeout", "3s", check=False).returncode == 7
    assert bus.strato("push", "small", "1", "--timeout", "3s", check=False).returncode == 5
    assert bus.strato("pull", "small", "--count", "4", "--wait", "2s", check=False).returncode == 7


def test_no_broker_is_3():
    done = subprocess.run([BUILD / "cli/strato", "ping", "--server", "tcp://127.0.0.1:1", "--timeout", "200ms"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3 and "stratod" in done.stderr


def test_an_interrupt_is_130(bus):
    sub = spawn(bus, "sub", ">")
    said(sub, "subscribed")
    sub.send_signal(signal.SIGINT)
    sub.communicate(timeout=60)
    assert sub.returncode == 130
