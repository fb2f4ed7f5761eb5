"""strato key, and --key: pairs in files, the keys file, and a broker that asks for keys.

SPDX-License-Identifier: MIT
"""

import json
import os
import re

import pytest

from conftest import BUILD, Cli
from processes import Bus


@pytest.fixture
def key(tmp_path):
    """`strato key` in a folder of its own; `key.file` is its keys file."""
    made = Cli("ipc:///nonexistent")
    made.folder = tmp_path
    made.file = tmp_path / "keys.yaml"
    return made


def new(key, name):
    path = key.folder / f"{name}.key"
    key.ok("key", "new", name, "--out", path)
    return path


def secret_of(path):
    return re.search(r"secret: '(.*)'", path.read_text())[1]


def test_a_new_pair_is_its_owners_alone_and_its_secret_is_shown_nowhere(key):
    path = key.folder / "trainer.key"
    done = key.run("key", "new", "trainer", "--out", path)
    assert done.returncode == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"name: trainer\npublic: '.{40}'\n", done.stdout)
    shown = key.json("key", "show", path)
    assert shown["name"] == "trainer" and shown["has_secret"] and shown["public"] in done.stdout
    for text in (done.stdout, done.stderr, json.dumps(shown), key.ok("key", "show", path)):
        assert secret_of(path) not in text


def test_a_secret_is_never_overwritten(key):
    path = new(key, "trainer")
    before = path.read_text()
    done = key.run("key", "new", "trainer", "--out", path)
    assert done.returncode == 1 and "not overwritten" in done.stderr
    assert path.read_text() == before


def test_what_show_prints_is_a_file_for_clients(key):
    path = new(key, "stratod")
    public = key.folder / "stratod.pub"
    public.write_text(key.ok("key", "show", path))
    shown = key.json("key", "show", public)
    assert shown["public"] == key.json("key", "show", path)["public"] and not shown["has_secret"]


def test_allow_ls_and_revoke_leave_the_rest_of_the_file_alone(key):
    key.file.write_text("# ours\nroles:\n  maker: [{channel: jobs, verbs: [publish]}]\n")
    trainer, gpu = new(key, "trainer"), new(key, "gpu")
    key.ok("key", "allow", "trainer", trainer, "--role", "maker,observer", "--rate", 100, "--keys", key.file)
    public = key.json("key", "show", gpu)["public"]
    key.ok("key", "allow", "gpu", public, "--connections", 3, "--keys", key.file)
    assert key.json("key", "ls", "--keys", key.file) == sorted([
        {"name": "trainer", "public": key.json("key", "show", trainer)["public"], "roles": ["maker", "observer"], "rate": 100,
         "connections": 64},
        {"name": "gpu", "public": public, "roles": ["agent"], "rate": 0, "connections": 3}],
        key=lambda row: bytes(order(row["public"])))
    before = key.file.read_text()
    assert "gpu" not in key.ok("key", "revoke", "gpu", "--dry-run", "--keys", key.file)
    assert key.file.read_text() == before
    key.ok("key", "revoke", "gpu", "--keys", key.file)
    assert "gpu" not in key.file.read_text() and key.file.read_text().startswith("# ours\nroles:\n  maker:")
    done = key.run("key", "revoke", "gpu", "--keys", key.file)
    assert done.returncode == 6 and "no key has the name gpu" in done.stderr


def order(text):
    """The bytes of a key, by which the broker sorts."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    for i in range(0, 40, 5):
        value = 0
        for c in text[i:i + 5]:
            value = value * 85 + digits.index(c)
        yield from value.to_bytes(4, "big")


@pytest.mark.parametrize("arguments,code,text", [
    (["key", "new", "a/b"], 2, "1 to 64 letters"),
    (["key", "new", "local"], 2, "not \"local\""),
    (["key", "show", "/nonexistent.key"], 6, "no such file"),
    (["key", "allow", "x", "short", "--keys", "/nonexistent/keys.yaml"], 2, "40 characters"),
    (["key", "allow", "x", "0" * 40, "--role", "nobody", "--keys", "/nonexistent/keys.yaml"], 1, "no role \"nobody\""),
    (["key", "allow", "x", "0" * 40, "--keys", "/nonexistent/keys.yaml"], 1, "No such file"),
    (["key", "ls", "--keys", "/nonexistent.yaml"], 6, "no such file"),
])
def test_what_cannot_be_done_is_said_with_its_own_exit_code(key, arguments, code, text):
    done = key.run(*arguments)
    assert (done.returncode, done.stdout) == (code, "") and text in done.stderr, done.stderr


@pytest.fixture
def guarded(key):
    """A broker that asks for keys; `key.pairs` are trainer, boss (both let in) and eve (not)."""
    key.pairs = {name: new(key, name) for name in ("stratod", "trainer", "boss", "eve")}
    key.ok("key", "allow", "trainer", key.pairs["trainer"], "--keys", key.file)
    key.ok("key", "allow", "boss", key.pairs["boss"], "--role", "admin", "--keys", key.file)
    with Bus(BUILD, "--config", "/dev/null", "--services", "", "--keys", key.file, "--server-key", key.pairs["stratod"]) as bus:
        key.server = bus.endpoint
        key.bus = bus
        yield key


def as_(guarded, name, server="stratod"):
    return {"STRATO_KEY": str(guarded.pairs[name]), "STRATO_SERVER_KEY": str(guarded.pairs[server])}


def test_a_pair_opens_the_broker_by_option_and_by_environment(guarded):
    assert "pong" in guarded.ok("ping", "--key", guarded.pairs["trainer"], "--server-key", guarded.pairs["stratod"])
    public = guarded.json("key", "show", guarded.pairs["stratod"])["public"]
    assert "pong" in guarded.ok("ping", "--key", guarded.pairs["trainer"], "--server-key", public)
    assert "pong" in guarded.ok("ping", environment=as_(guarded, "trainer"))


def test_permission_and_authentication_have_the_exit_code_4(guarded):
    done = guarded.run("channel", "ls", environment=as_(guarded, "trainer"))
    assert done.returncode == 4 and "lacks the verb observe" in done.stderr, done.stderr
    guarded.ok("channel", "ls", environment=as_(guarded, "boss"))
    done = guarded.run("ping", environment=as_(guarded, "eve"))
    assert done.returncode == 4 and "strato doctor" in done.stderr
    done = guarded.run("ping", "--timeout", "300ms")
    assert done.returncode in (3, 4) and "strato doctor" in done.stderr, done.stderr  # libzmq does not always know
    done = guarded.run("ping", "--timeout", "300ms", environment=as_(guarded, "trainer", server="eve"))
    assert done.returncode == 4, done.stderr


def test_half_a_pair_of_options_is_wrong_usage(guarded):
    done = guarded.run("ping", "--key", guarded.pairs["trainer"])
    assert done.returncode == 2 and "--server-key" in done.stderr
    os.chmod(guarded.pairs["trainer"], 0o644)
    done = guarded.run("ping", environment=as_(guarded, "trainer"))
    assert done.returncode == 2 and "chmod 600" in done.stderr
    assert secret_of(guarded.pairs["trainer"]) not in done.stderr


def test_allow_and_revoke_reach_a_running_broker_within_a_second(guarded):
    guarded.ok("key", "allow", "eve", guarded.pairs["eve"], "--keys", guarded.file)
    guarded.bus.broker.wait_line(r"audit: keys read again")
    assert "pong" in guarded.ok("ping", environment=as_(guarded, "eve"))
    guarded.ok("key", "revoke", "eve", "--keys", guarded.file)
    guarded.bus.broker.wait_line(r"audit: key revoked principal=eve")
    assert guarded.run("ping", environment=as_(guarded, "eve")).returncode == 4


def test_a_worker_comes_with_a_key(guarded):
    worker = guarded.bus.start(BUILD / "worker/strato-worker", "--broker", guarded.bus.endpoint, "--device", "sim", "--key",
                               guarded.pairs["trainer"], "--server-key", guarded.pairs["stratod"], "--name", "w")
    worker.wait_line(r"serving|connected|ready")
    sessions = guarded.bus.strato("health", "deep", "--json", check=False)
    assert sessions is not None
    assert worker.stop() == 0


def test_bench_uses_the_key_too(guarded):
    done = guarded.run("bench", "work", "--duration", "100ms", "--warmup", "10ms", "--json", environment=as_(guarded, "boss"))
    assert done.returncode == 0, done.stderr
