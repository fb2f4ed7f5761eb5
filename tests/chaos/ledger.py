"""What the clients wrote down, and what it must mean together.

The oracle stands outside of the broker: it knows what was offered, what was confirmed and what was received, and
compares that with the broker's own counts only at the end.

SPDX-License-Identifier: MIT
"""

import collections


def read(path):
    """Lines of a ledger as tuples; a line that is being written is not there yet."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return []
    return [tuple(line.split()) for line in text[: text.rfind("\n") + 1].splitlines()]


class Account:
    """The ledgers of one folder, added up."""

    def __init__(self, folder):
        self.offered = set()
        self.confirmed = {}  # id -> epoch
        self.received = collections.defaultdict(list)  # id -> deliveries, in the order of each taker
        self.received_ms = {}  # id -> when it was received last
        self.settled = {}  # id -> epoch
        self.settled_ms = {}
        for path in sorted(folder.glob("*.ledger")):
            for line in read(path):
                if line[0] == "s":
                    self.offered.add(line[1])
                elif line[0] == "c":
                    self.confirmed[line[1]] = int(line[2])
                elif line[0] == "r":
                    self.received[line[1]].append(int(line[2]))
                    self.received_ms[line[1]] = max(self.received_ms.get(line[1], 0), int(line[3]))
                elif line[0] == "k":
                    self.settled[line[1]] = int(line[2])
                    self.settled_ms[line[1]] = int(line[3])

    def come_back(self):
        """Received again after somebody was told that its settling is recorded."""
        return {i for i, at in self.settled_ms.items() if self.received_ms[i] > at}

    def lost(self, epoch=None):
        """Confirmed and never received. With an epoch: only what that broker confirmed."""
        return {i for i, at in self.confirmed.items() if i not in self.received and (epoch is None or at == epoch)}

    def judge(self, counts, epoch=None, is_whole=True, is_durable=False):
        """`counts`: the broker's numbers of the channel once it is empty. `is_whole`: one broker from start to end.
        `is_durable`: all brokers had the same store, so that they count as one, but for deliveries that only the dead one knew."""
        foreign = set(self.received) - self.offered
        assert not foreign, f"received, but nobody offered it: {sorted(foreign)[:5]}"
        unsaid = {i: d for i, d in self.received.items() if len(d) > 1 and max(d) < 2}
        assert not unsaid or not is_whole, f"received twice, and no delivery says so: {list(unsaid.items())[:5]}"
        lost = self.lost(epoch)
        explained = counts["dead_lettered"] + counts["expired"] + sum_of(counts["dropped"])
        assert len(lost) <= explained, f"{len(lost)} confirmed and lost, {explained} accounted for: {sorted(lost)[:5]}"
        if is_whole or is_durable:
            back = self.come_back()
            assert not back, f"settled, recorded, and received again: {sorted(back)[:5]}"
            assert counts["accepted"] >= len(self.confirmed), (counts["accepted"], len(self.confirmed))
            assert counts["accepted"] <= len(self.offered), "an id that was offered again was accepted again"


def sum_of(dropped):
    return sum(dropped.values()) if isinstance(dropped, dict) else dropped
