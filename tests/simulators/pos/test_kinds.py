"""Each misbehaviour does what it says, and what it leaves is a terminal that goes on."""

from dataclasses import replace

import pytest

from adapters._session import CloseLink
from adapters.iso8583.codec import Codec
from simulators.pos import kinds
from simulators.pos.items import Fate, Totals
from simulators.pos.kinds import KINDS, Struck
from simulators.pos.states import State
from simulators.pos.terminal import Terminal
from simulators.pos.terms import Ended
from tests.simulators.pos.host import ASCII, BCD, MASTER, NINETIES, Talk, codes, talk

METER, ACCOUNT = "04123456784", "100001"


def struck(name: str, share: float = 1.0, dialect: str = ASCII, master: bytes = b"") -> Talk:
    return talk(KINDS[name], dialect, options={"shares": {name: share}}, master=master)


def sells(at: Talk, amount: int = 1_000) -> list[object]:
    return at.does(at.terminal.sell(METER, amount, at.now))


def pays(at: Talk, amount: int = 1_000) -> list[object]:
    return at.does(at.terminal.pay(ACCOUNT, amount, at.now))


def fates(at: Talk) -> list[Fate]:
    return [item.fate for item in at.terminal.book.items]


def balances(at: Talk) -> None:
    (settled,) = at.does(at.terminal.settle(at.now))
    assert isinstance(settled, Ended)
    assert (settled.operation, settled.outcome) == ("settle", "approved")


@pytest.mark.parametrize("name", KINDS)
def test_one_that_is_never_struck_behaves(name: str) -> None:
    kind = KINDS[name]
    options = {"options": {"shares": {name: 0.0}}} if issubclass(kind, Struck) else {}
    if name == "clock-far-off":  # it has no choice
        return
    at = talk(kind, **options)
    sells(at)
    pays(at)
    assert fates(at) == [Fate.DONE, Fate.DONE]
    balances(at)
    assert list(codes(at.host)) == ["0200", "0200", "0500"]


def test_an_answer_that_is_lost_takes_the_item_back() -> None:
    at = struck("loses-answers")
    pays(at)
    sells(at)
    assert fates(at) == [Fate.REVERSED, Fate.KEPT]
    assert list(codes(at.host)) == ["0200", "0400", "0200", "0400"]
    balances(at)


def test_the_answer_to_a_reversal_is_lost() -> None:
    class Both(kinds.LosesAnswers, kinds.LosesReversalAnswers):
        pass

    shares = {"loses-answers": 1.0, "loses-reversal-answers": 0.5}
    at = talk(Both, options={"shares": shares, "seed": 3})
    for _ in range(6):
        pays(at)
        at.later(1.0)
        at.later(1.0)
        at.later(1.0)
    assert "0401" in list(codes(at.host))
    assert set(fates(at)) == {Fate.REVERSED}
    balances(at)


def test_a_request_is_repeated() -> None:
    at = struck("repeats-requests")
    sells(at)
    assert list(codes(at.host)) == ["0200", "0201"]
    assert len(at.host.items) == 1
    assert at.terminal.counts["strays"] == 1
    balances(at)


@pytest.mark.parametrize("name", [ASCII, BCD, NINETIES])
def test_a_reversal_comes_before_during_and_after(name: str) -> None:
    before = struck("reverses-before", dialect=name)
    sells(before)
    assert fates(before) == [Fate.VOID]
    assert before.host.items == {}
    assert len(before.host.barred) == 1
    balances(before)
    during = struck("reverses-during", dialect=name)
    pays(during)
    assert fates(during) == [Fate.REVERSED]
    balances(during)
    after = struck("reverses-after", dialect=name)
    pays(after)
    sells(after)
    assert fates(after) == [Fate.REVERSED, Fate.KEPT]
    balances(after)


def test_a_token_is_kept_and_taken_back() -> None:
    at = struck("keeps-token")
    sells(at)
    pays(at)
    terminal = at.terminal
    assert isinstance(terminal, kinds.KeepsTokenAndReverses)
    (sale, payment) = terminal.book.items
    assert (sale.fate, payment.fate) == (Fate.KEPT, Fate.DONE)
    assert terminal.stolen == [f"{sale.stan:020d}"]
    balances(at)


@pytest.mark.parametrize("name", ["cuts-line", "cuts-line-after"])
def test_the_line_is_cut(name: str) -> None:
    at = struck(name)
    closed = at.terminal.pay(ACCOUNT, 1_000, at.now)
    assert [type(event) for event in closed] == [CloseLink]
    octets = at.terminal.outgoing()
    assert at.host.receive(octets) == b"" or name == "cuts-line-after"
    at.terminal.lost("cut", at.now)
    at.host.modem.reset()
    at.does(at.terminal.connected(at.now))
    assert fates(at) == [Fate.VOID if name == "cuts-line" else Fate.REVERSED]
    assert at.terminal.state is State.IDLE
    balances(at)


@pytest.mark.parametrize("name", [ASCII, BCD, NINETIES])
def test_a_code_is_wrong(name: str) -> None:
    at = struck("wrong-mac", 0.0, dialect=name, master=MASTER)
    terminal = at.terminal
    assert isinstance(terminal, Struck)
    terminal.shares = {"wrong-mac": 1.0}
    at.terminal.sell(METER, 1_000, at.now)
    assert at.host.receive(at.terminal.outgoing()) == b""
    (fault,) = at.host.modem.faults
    assert "authentication code is wrong" in fault


def test_totals_are_of_another_day() -> None:
    at = struck("wrong-totals")
    sells(at)
    ended = at.does(at.terminal.settle(at.now))
    assert [event.operation for event in ended] == ["settle", "upload", "settle_end"]
    assert at.terminal.totals() == Totals(1, 1_000)


def test_a_frame_is_sent_octet_by_octet() -> None:
    at = struck("slow-sender", 0.0)
    terminal = at.terminal
    assert isinstance(terminal, Struck)
    terminal.shares = {"slow-sender": 1.0}
    at.terminal.sell(METER, 1_000, at.now)
    seen = b""
    while (due := at.terminal.deadline()) is not None and len(seen) < 5:
        at.now = max(at.now, due)
        at.terminal.tick(at.now)
        (octet,) = at.terminal.outgoing()
        seen += bytes([octet])
    assert seen == b"0148"[: len(seen)] or seen[:4].isdigit()
    assert at.now >= 4.0
    at.terminal.lost("too slow", at.now)
    assert at.terminal.outgoing() == b""


def test_its_clock_is_of_another_year() -> None:
    at = struck("clock-far-off")
    sells(at)
    (item,) = at.terminal.book.items
    assert item.moment.local.year == 2025


@pytest.mark.parametrize("name", [ASCII, BCD, NINETIES])
def test_a_pin_block_is_sent(name: str) -> None:
    at = struck("sends-pin-block", dialect=name)
    at.terminal.sell(METER, 1_000, at.now)
    octets = at.terminal.outgoing()
    assert at.host.receive(octets) == b""
    (fault,) = at.host.modem.faults
    assert "PIN block" in fault
    open_ = Codec(replace(at.host.words.dialect.codec.layout, keep_pin=True))
    lead = at.host.words.dialect.framing.lead
    assert open_.decode(octets[lead:]).fields[52] == bytes.fromhex("0412AC89ABCDEF67")


def test_a_number_is_used_twice() -> None:
    at = struck("reuses-stan", 0.0)
    sells(at)
    terminal = at.terminal
    assert isinstance(terminal, Struck)
    terminal.shares = {"reuses-stan": 1.0}
    (no,) = sells(at, 2_000)
    assert isinstance(no, Ended)
    assert no.outcome == "duplicate"
    assert [item.stan for item in at.terminal.book.items] == [2, 2]
    assert fates(at) == [Fate.DONE, Fate.REFUSED]


@pytest.mark.parametrize("name", ["oversized-frame", "sends-garbage", "wrong-bitmap"])
@pytest.mark.parametrize("dialect", [ASCII, BCD, NINETIES])
def test_what_no_host_can_read(name: str, dialect: str) -> None:
    at = struck(name, 0.0, dialect=dialect)
    terminal = at.terminal
    assert isinstance(terminal, Struck)
    terminal.shares = {name: 1.0}
    at.terminal.sell(METER, 1_000, at.now)
    assert at.host.receive(at.terminal.outgoing()) == b""
    assert at.host.modem.faults


def test_a_flood_of_echoes() -> None:
    at = struck("floods-echo")
    at.does(at.terminal.ask("echo", at.now))
    assert len(at.host.heard) == 1 + 1 + kinds.FLOOD
    assert at.terminal.counts["strays"] == kinds.FLOOD


def test_kinds_have_names_and_say_what_they_do() -> None:
    for name, kind in KINDS.items():
        assert kind.name == name
        assert kind.__doc__
    assert KINDS["friendly"] is Terminal
