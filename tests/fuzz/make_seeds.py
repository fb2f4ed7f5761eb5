"""Write the seeds of fuzz_operations and fuzz_client from the golden frames: one for each operation, and one with several; and
those of fuzz_recall and fuzz_store, which change a genuine store.

usage: make_seeds.py [--check]     run it after an operation was added to schemas/operations.yaml

SPDX-License-Identifier: MIT
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
FRAMES = json.loads((HERE.parent.parent / "schemas/vectors/frames.json").read_text())["vectors"]
FROM_BROKER = {"opened", "welcome", "full", "credit", "revoke", "deliver", "event", "lagged", "receipt", "ok", "err",
               "result", "pong", "drain"}
FRAME_BYTES_MAX = 255
PRODUCER, CONSUMER, LOCAL, TURN, SECOND = 1, 2, 8, 32, 64
TAKES, SENDS = 1, 2
# What the golden frames do not have, said in the same words.
MORE = {
    "release": {"op": "release", "ch": "gpu", "sent": 0, "sent_bytes": 0},
    "bye": {"op": "bye"},
    "admin_rm": {"op": "admin.channel.rm", "ch": "gpu", "rq": 1},
    "admin_purge": {"op": "admin.purge", "ch": "gpu", "rq": 1},
    "admin_stats": {"op": "admin.stats", "rq": 1},
    "start": {"op": "start", "ch": "gpu", "tags": [0]},
    "extend": {"op": "extend", "ch": "gpu", "tags": [0], "ms": 1000},
    "nack_dead": {"op": "nack", "ch": "gpu", "tags": [0], "dead": True, "reason": "bad"},
    "unsub": {"op": "unsub", "ch": "events"},
    "hist": {"op": "hist", "ch": "events", "from_seq": 1, "limit": 4, "rq": 2},
    "cancel": {"op": "cancel", "ch": "cost", "rq": 1},
}


def pack(value):
    """The little msgpack that the frames above need."""
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return bytes([value]) if value < 128 else b"\xcd" + value.to_bytes(2, "big")
    if isinstance(value, str):
        return bytes([0xA0 | len(value)]) + value.encode()
    if isinstance(value, list):
        return bytes([0x90 | len(value)]) + b"".join(map(pack, value))
    return bytes([0x80 | len(value)]) + b"".join(pack(k) + pack(v) for k, v in value.items())


def record(how, frame):
    assert len(frame) <= FRAME_BYTES_MAX
    return bytes([how, len(frame)]) + frame


def seeds():
    made, to_broker, to_client = {}, {}, {}
    for vector in FRAMES:
        op, frame = vector["header"]["op"], bytes.fromhex(vector["hex"])
        if len(frame) <= FRAME_BYTES_MAX:
            (to_client if op in FROM_BROKER else to_broker).setdefault(op, frame)
    for name, header in MORE.items():
        to_broker.setdefault(name, pack(header))
    put = pack({"op": "put", "ch": "gpu", "n": 1, "i": 0, "ep": 1}) + pack({"type": "t", "payload": 1})
    for name, frame in to_broker.items():
        peer = PRODUCER if name in ("put", "need", "release", "call") else CONSUMER
        made[f"operations/{name.replace('.', '_')}"] = record(PRODUCER | LOCAL | TURN, put) + record(peer | LOCAL | TURN | SECOND, frame)
    for name, frame in to_client.items():
        made[f"client/{name}"] = record(TAKES | SENDS, frame)
    credit = pack({"op": "credit", "ch": "gpu", "limit": 8, "accepted": 1})
    revoke = pack({"op": "revoke", "ch": "gpu", "limit": 1})
    deliver = pack({"op": "deliver", "ch": "work", "stream": 1, "n": 1, "i": 0, "ep": 1}) + pack({"type": "t", "payload": 1})
    made["client/flow"] = record(SENDS, credit) + record(TAKES, deliver) + record(SENDS, revoke)
    entry = bytes([0, 2]) + (1).to_bytes(4, "little") + (9).to_bytes(8, "little") + (1).to_bytes(4, "little") + b"\xc0"
    made["recall/as_it_was"] = bytes([0])
    made["recall/one_byte_changed"] = bytes([1, 5, 3, 0, 255])
    made["recall/two_bytes_changed"] = bytes([2, 0, 1, 0, 0, 9, 12, 0, 128])
    made["recall/one_row_more"] = bytes([0]) + entry
    made["store/as_it_was"] = b""
    for name, at in {"magic": 0, "page_size": 16, "freelist": 36, "application": 68, "cell_count": 103, "second_page": 4099,
                     "a_value": 9000, "last_page": 60000}.items():
        made[f"store/{name}"] = at.to_bytes(3, "little") + b"\x07"
    return made


def main():
    stale = 0
    for name, data in seeds().items():
        path = HERE / "seeds" / name
        if "--check" in sys.argv:
            stale += not path.exists() or path.read_bytes() != data
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    if stale:
        print(f"{stale} seeds are not what the golden frames say: run tests/fuzz/make_seeds.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
