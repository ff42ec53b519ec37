"""A terminal that behaves, before a host that may not answer."""

import pytest

from simulators.pos.items import Fate, Totals
from simulators.pos.keyboard import Played
from simulators.pos.states import TABLE, Event, State, after
from simulators.pos.terms import Busy, Ended
from tests.simulators.pos.host import ASCII, BCD, MASTER, NINETIES, codes, talk

METER, ACCOUNT = "04123456784", "100001"


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_pair_is_in_the_table_or_cannot_happen(state: State, event: Event) -> None:
    following = after(state, event)
    assert following is TABLE.get((state, event))
    if event is Event.EMPTY:
        queues = (State.REVERSING, State.UPLOADING, State.FORWARDING)
        assert (following is not None) == (state in queues)


def test_whatever_waits_has_an_end() -> None:
    for state in set(State) - {State.OFF, State.IDLE}:
        assert after(state, Event.APPROVED) is not None
        assert after(state, Event.DECLINED) is not None
        assert after(state, Event.SILENCE) is not None


@pytest.mark.parametrize("name", [ASCII, BCD, NINETIES])
@pytest.mark.parametrize("master", [b"", MASTER])
def test_a_day_in_every_dialect(name: str, master: bytes) -> None:
    at = talk(name=name, master=master)
    assert at.terminal.state is State.IDLE
    assert at.terminal.cashier == "01"
    (sold,) = at.does(at.terminal.sell(METER, 20_000, at.now))
    assert isinstance(sold, Ended)
    assert (sold.operation, sold.outcome) == ("vend", "approved")
    assert sold.values["token"] == f"{sold.item.stan:020d}"  # type: ignore[union-attr]
    (paid,) = at.does(at.terminal.pay(ACCOUNT, 5_000, at.now))
    assert paid.outcome == "approved"
    (asked,) = at.does(at.terminal.ask("enquiry", at.now, meter=METER, amount=1_000))
    assert asked.outcome == "approved"
    assert at.terminal.totals() == Totals(2, 25_000)
    (settled,) = at.does(at.terminal.settle(at.now))
    assert (settled.operation, settled.outcome) == ("settle", "approved")
    assert (at.terminal.book.batch, at.terminal.book.items) == (2, [])
    at.does(at.terminal.sign_off(at.now))
    assert at.terminal.state is State.OFF
    assert at.terminal.counts["strays"] == at.terminal.counts["faults"] == 0


def test_the_same_seed_and_clock_give_the_same_octets() -> None:
    def octets() -> bytes:
        at = talk()
        at.terminal.sell(METER, 1_000, at.now)
        return at.terminal.outgoing()

    assert octets() == octets()


def test_no_answer_is_taken_back_until_that_is_answered() -> None:
    at = talk()
    at.host.mute = True
    at.does(at.terminal.pay(ACCOUNT, 5_000, at.now))
    assert at.terminal.state is State.WAITING
    (silent,) = at.later(10.0)
    assert (silent.operation, silent.outcome) == ("pay", "silence")
    assert at.terminal.state is State.REVERSING
    for _ in range(3):
        at.later(10.0)  # no answer to the reversal
        at.later(1.0)  # sent again
    assert list(codes(at.host)) == ["0200", "0400", "0401", "0401", "0401"]
    with pytest.raises(Busy, match="reversing"):
        at.terminal.sell(METER, 1, at.now)
    at.host.mute = False
    at.later(10.0)
    at.later(1.0)
    assert at.terminal.state is State.IDLE
    (item,) = at.terminal.book.items
    assert item.fate is Fate.REVERSED
    assert at.terminal.totals() == Totals(1, 5_000, 1, 5_000)
    (settled,) = at.does(at.terminal.settle(at.now))
    assert settled.outcome == "approved"


@pytest.mark.parametrize("outcome", ["late", "away", "in_progress"])
def test_an_answer_that_is_not_known_is_none(outcome: str) -> None:
    at = talk()
    at.host.refuse["vend"] = outcome
    at.does(at.terminal.sell(METER, 1_000, at.now))
    (item,) = at.terminal.book.items
    assert item.fate is Fate.VOID  # the host had never seen it
    assert list(codes(at.host)) == ["0200", "0400"]


def test_a_no_is_no_item() -> None:
    at = talk()
    at.host.refuse["vend"] = "insufficient_float"
    (no,) = at.does(at.terminal.sell(METER, 1_000, at.now))
    assert (no.outcome, no.code, no.values["text"]) == ("insufficient_float", "51", "no")
    assert at.terminal.totals() == Totals()
    assert list(codes(at.host)) == ["0200"]


def test_the_line_is_lost_and_comes_back() -> None:
    at = talk()
    at.host.mute = True
    at.does(at.terminal.sell(METER, 1_000, at.now))
    (silent,) = at.does(at.terminal.lost("cut", at.now))
    assert silent.outcome == "silence"
    with pytest.raises(Busy, match="reversing"):
        at.terminal.settle(at.now)
    assert at.terminal.deadline() is None
    at.host.mute = False
    at.does(at.terminal.connected(at.now))
    (item,) = at.terminal.book.items
    assert item.fate is Fate.KEPT
    assert item.answer["token"] == f"{item.stan:020d}"
    assert at.terminal.totals() == Totals(1, 1_000)  # the token is out: the sale stands


def test_nothing_goes_without_a_line() -> None:
    at = talk()
    at.terminal.lost("cut", at.now)
    with pytest.raises(Busy, match="no line"):
        at.terminal.sell(METER, 1_000, at.now)
    assert at.terminal.book.items == []


def test_wrong_totals_are_uploaded_item_by_item() -> None:
    at = talk()
    at.does(at.terminal.sell(METER, 1_000, at.now))
    at.does(at.terminal.pay(ACCOUNT, 2_000, at.now))
    at.host.off_by = 1
    stans = [item.stan for item in at.terminal.book.items]
    ended = at.does(at.terminal.settle(at.now))
    assert [each.operation for each in ended] == ["settle", "upload", "upload", "settle_end"]
    assert at.host.uploads == stans
    assert at.terminal.book.batch == 2
    assert at.terminal.state is State.IDLE


def test_a_settlement_is_sent_until_it_is_answered() -> None:
    at = talk()
    at.host.mute = True
    at.does(at.terminal.settle(at.now))
    at.later(10.0)
    at.host.mute = False
    (settled,) = at.later(1.0)
    assert settled.outcome == "approved"
    assert list(codes(at.host)) == ["0500", "0501"]


def test_what_was_collected_without_a_line_is_sent_before_the_batch_is_closed() -> None:
    at = talk()
    at.terminal.lost("cut", at.now)
    item = at.terminal.collect(ACCOUNT, 4_000, "E-7")
    at.does(at.terminal.connected(at.now))
    with pytest.raises(Busy, match="not sent yet"):
        at.terminal.settle(at.now)
    (told,) = at.does(at.terminal.forward(at.now))
    assert (told.operation, told.outcome) == ("advice", "approved")
    assert at.host.advised == [item.stan]
    (settled,) = at.does(at.terminal.settle(at.now))
    assert settled.outcome == "approved"


def test_an_item_is_taken_back_by_its_number() -> None:
    at = talk()
    at.does(at.terminal.pay(ACCOUNT, 1_000, at.now))
    at.does(at.terminal.pay(ACCOUNT, 2_000, at.now))
    first = at.terminal.book.items[0]
    at.does(at.terminal.reverse(at.now, first.stan))
    assert [item.fate for item in at.terminal.book.items] == [Fate.REVERSED, Fate.DONE]
    with pytest.raises(Busy, match="no such item"):
        at.terminal.reverse(at.now, 999)


def test_a_repeat_changes_nothing() -> None:
    played = talk(Played)
    terminal = played.terminal
    assert isinstance(terminal, Played)
    played.does(terminal.sell(METER, 1_000, played.now))
    (item,) = terminal.book.items
    assert terminal.last_booking is not None
    (again,) = played.does(terminal.repeats(terminal.last_booking, played.now))
    assert again.values["token"] == f"{item.stan:020d}"
    assert list(codes(played.host)) == ["0200", "0201"]
    assert terminal.book.items == [item]
    assert terminal.state is State.IDLE


def test_answers_of_nobody_and_octets_of_nothing() -> None:
    at = talk()
    octets = at.host.modem.framed(
        at.host.words.request("echo", at.terminal.setup, at.terminal.moment(), {})
    )
    assert at.terminal.receive(octets, at.now) == []
    assert at.terminal.counts["strays"] == 1
    (close,) = at.terminal.receive(b"GET / HTTP/1.1\r\n\r\n", at.now)
    assert "frame" in close.reason


def test_numbers_wrap() -> None:
    at = talk(first_stan=999_998)
    at.does(at.terminal.sell(METER, 1_000, at.now))
    at.does(at.terminal.sell(METER, 1_000, at.now))
    assert [item.stan for item in at.terminal.book.items] == [999_999, 1]
