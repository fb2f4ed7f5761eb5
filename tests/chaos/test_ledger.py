"""The oracle is not blind: each way to break the promise is seen in a ledger that was made up for it.

SPDX-License-Identifier: MIT
"""

import pytest

from ledger import Account

COUNTS = {"accepted": 2, "settled": 2, "expired": 0, "dead_lettered": 0, "dropped": {"queue_full": 0}}
GOOD = "s a\ns b\nc a 7\nc b 7\nr a 1 10\nr b 1 10\nk a 7 20\n"


def account(tmp_path, text):
    (tmp_path / "made_up.ledger").write_text(text)
    return Account(tmp_path)


def test_a_whole_ledger_is_good(tmp_path):
    account(tmp_path, GOOD + "r a 2 15\n").judge(COUNTS)


def test_a_line_that_is_being_written_is_not_there_yet(tmp_path):
    assert "b" not in account(tmp_path, "s a\ns b").offered


@pytest.mark.parametrize("text, counts, complaint", [
    (GOOD.replace("r b 1 10\n", ""), {}, "confirmed and lost"),
    (GOOD + "r x 1 10\n", {}, "nobody offered it"),
    (GOOD + "r a 1 11\n", {}, "received twice"),
    (GOOD + "r a 2 21\n", {}, "received again"),
    (GOOD, {"accepted": 3}, "accepted again"),
    (GOOD, {"accepted": 1}, r"\(1, 2\)"),
])
def test_a_broken_promise_is_seen(tmp_path, text, counts, complaint):
    with pytest.raises(AssertionError, match=complaint):
        account(tmp_path, text).judge({**COUNTS, **counts})


def test_what_the_broker_counts_as_dead_or_dropped_is_no_loss(tmp_path):
    account(tmp_path, GOOD.replace("r b 1 10\n", "")).judge({**COUNTS, "dead_lettered": 1})


def test_a_store_makes_several_brokers_one(tmp_path):
    account(tmp_path, GOOD + "r a 1 15\n").judge(COUNTS, is_whole=False, is_durable=True)
    with pytest.raises(AssertionError, match="received again"):
        account(tmp_path, GOOD + "r a 1 21\n").judge(COUNTS, is_whole=False, is_durable=True)
    with pytest.raises(AssertionError, match="confirmed and lost"):
        account(tmp_path, GOOD.replace("r b 1 10\n", "").replace("c b 7", "c b 6")).judge(COUNTS, is_whole=False, is_durable=True)


def test_what_an_earlier_broker_confirmed_may_be_gone_with_it(tmp_path):
    text = GOOD.replace("r b 1 10\n", "").replace("c b 7", "c b 6")
    account(tmp_path, text).judge(COUNTS, epoch=7, is_whole=False)
