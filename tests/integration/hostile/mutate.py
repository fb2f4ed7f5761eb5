"""Conversations that begin valid, and damage to some of their frames. A seed replays them.

SPDX-License-Identifier: MIT
"""

import zmq

from peer import HUGE, NAMES, OPERATIONS, Peer, pack, values

CHANNELS = ["gpu", "evolution", "cost", "events", "@a1", "tmp", "fitness"]
# Capacity only grows here: what is lowered below its content is over its bound until it has drained.
SETTINGS = [{"capacity": 20000}, {"full": "drop_oldest"}, {"full": "reject"}, {"full": "wait"}, {"ttl_ms": 5}]
DLQ = [{"all": True}, {"id": 1}, {"id": 2 ** 64 - 1}, {"reason": "expired"}, {"topic": "*.x", "sender": "local"}, {"since_ms": 1, "limit": 1000},
       {"from": 7, "limit": 1}, {"id": -1}, {"reason": 3}, {}, 7, {str(n): n for n in range(70)}]
DAMAGE = [0xc1, 0xdf, 0xdd, 0xdb, 0xc6, 0xc9, 0xff, 0x7f, 0xcf]
PEERS = 5


class Mutator:
    """Five peers on a broker; what they learn (tokens, leases) finds its way into later frames."""

    def __init__(self, random, endpoints):
        self.random = random
        self.endpoints = endpoints
        self.peers = [self._peer() for _ in range(PEERS)]
        self.tokens = [b"x" * 32]
        self.leases = [["x"]]
        self.keys = {op["name"]: op["keys"] for op in OPERATIONS["operations"]}

    def _peer(self):
        return Peer(self.random.choice(self.endpoints))

    def vanish(self):
        for peer in self.peers:
            peer.vanish()

    def _count(self):
        return self.random.choice([0, 1, 2, 5, 64, 100, 4096, 2**31, 2**32, 2**63, HUGE])

    def _value(self, key):
        pick, below = self.random.choice, self.random.randrange
        known = {
            "ch": lambda: pick(CHANNELS), "stream": lambda: pick([0, 0, 0, 1, 2]), "i": lambda: pick([0, 0, 1, 2, self._count()]),
            "ep": lambda: pick([1, 1, 1, 2]), "n": lambda: pick([1, 1, 1, 2, 3, self._count()]), "v": lambda: 1,
            "wait": lambda: pick([0, 1, 5, 50]), "dir": lambda: pick("ppccs"), "rq": lambda: below(5),
            "policy": lambda: pick(["drop_oldest", "block", "disconnect"]), "id": lambda: pick(["x1", b"z" * 16]),
            "tags": lambda: [below(6) for _ in range(below(4))], "leases": lambda: pick(self.leases),
            "match": lambda: pick([[">"], ["events.*"], ["t.>", "*.x"], ">"]), "declare": lambda: pick(SETTINGS),
            "caps": lambda: ["gpu"], "token": lambda: pick(self.tokens), "kind": lambda: "agent",
        }
        if key in known:
            return known[key]()
        kind = OPERATIONS["keys"][key]["type"]
        if kind == "uint":
            return pick([self._count(), below(20)])
        return below(2) == 1 if kind == "bool" else pick(["a", "gpu", ""]) if kind == "str" else pick([1, "x", [1], {}])

    def _envelope(self):
        choices = {"payload": [1, {"a": [1, 2.5, None, b"xx"]}], "priority": [0, 70, 100], "ttl_ms": [0, 1, 5, 5000], "needs": [["gpu"], []],
                   "affinity": ["", "a", "b"], "order_key": ["a", "b"], "id": ["x1", "x2"], "delay_ms": [1, 20], "to": ["a1"],
                   "ack": [True, False], "receipt": [True]}
        envelope = {"type": self.random.choice(["t", "events.x", "gpu.launch_kernel"])}
        envelope.update({key: self.random.choice(of) for key, of in choices.items() if self.random.random() < 0.2})
        return envelope

    def _frame(self, number):
        if self.random.random() < 0.03:
            return [pack({"op": "hello", "agent": f"a{number}", "rq": 1, "caps": ["gpu"]})]
        op = self.random.choice(NAMES)
        while op in ("bye", "admin.channel.rm", "admin.pause") and self.random.random() < 0.8:
            op = self.random.choice(NAMES)
        keys = self.keys.get(op, ["ch", "rq"])
        header = {"op": op, **{key: self._value(key) for key in keys if key == "ch" or self.random.random() < 0.7}}
        header.pop("agent", None)
        if op.startswith("admin."):
            return [pack(header, {"type": "admin", "payload": self.random.choice(DLQ if ".dlq." in op else SETTINGS)})]
        count = min(header.get("n", 1), 4) if op in ("put", "call", "reply") else 0
        envelopes, blobs = [self._envelope() for _ in range(count)], []
        if envelopes and self.random.random() < 0.1:
            envelopes[0]["attach"] = 2
            blobs = [b"q" * 5000] * 2
        return [pack(header, *envelopes), *blobs]

    def _damage(self, frame):
        data = bytearray(frame)
        for _ in range(self.random.choice([1, 1, 2, 4])):
            if not data:
                break
            at, how = self.random.randrange(len(data)), self.random.random()
            if how < 0.4:
                data[at] = self.random.randrange(256)
            elif how < 0.55:
                del data[at:at + self.random.randrange(1, 5)]
            elif how < 0.7:
                data[at:at] = self.random.randbytes(self.random.randrange(1, 5))
            elif how < 0.8:
                data[at] = self.random.choice(DAMAGE)
            elif how < 0.9:
                data[at:at] = data[:self.random.randrange(1, 40)]
            else:
                del data[at:]
        return bytes(data)

    def _listen(self, peer):
        while True:
            try:
                data = peer.socket.recv_multipart(zmq.NOBLOCK)[0]
            except zmq.Again:
                return
            try:
                header = values(data)[0] if data else {}
            except UnicodeDecodeError:
                continue  # its own damage, sent back to it
            assert header.get("code", 100) >= 100, header
            if header.get("op") == "welcome":
                self.tokens = (self.tokens + [header["token"]])[-10:]
            if "leases" in header:
                self.leases = (self.leases + [header["leases"]])[-10:]

    def run(self, frames):
        for _ in range(frames):
            number = self.random.randrange(PEERS)
            if self.random.random() < 0.003:
                self.peers[number].vanish()
                self.peers[number] = self._peer()
            frame = self._frame(number)
            if self.random.random() < 0.3:
                frame[0] = self._damage(frame[0])
            try:
                self.peers[number].socket.send_multipart(frame, zmq.NOBLOCK)
            except zmq.Again:
                pass  # the broker is slower than we are: it may be
            self._listen(self.peers[number])
