"""Networks that misbehave and processes that are killed: nothing lost, nothing twice."""

from collections.abc import Callable

import pytest

from simulators.demo.children import until
from simulators.demo.people import Household
from tests.journeys.town import SOON_S, Town, as_digits, buys, token_in

pytestmark = pytest.mark.slow
#: The link's next try to reach a network that was away comes within this time.
BACK_S = 60.0


def tokens_of(town: Town, buyer: Household) -> set[str]:
    """Different tokens among all texts of a household."""
    texts = town.phone(buyer).inbox()
    return {as_digits(token_in(sms.text)) for sms in texts} - {""}


def test_everything_is_delivered_twice(open_town: Callable[..., Town]) -> None:
    town = open_town("--kind", "double-deliver")
    buyer = town.household()
    buys(town, buyer, 20_000)
    assert token_in(town.reads(buyer))
    town.says_nothing_more(buyer)
    assert len(town.sales_of(buyer)) == 1
    until(lambda: town.notices_to(buyer) == [("token", "delivered")], SOON_S, "the receipt")
    town.books_are_right()


def test_a_network_that_throttles(open_town: Callable[..., Town]) -> None:
    town = open_town("--kind", "throttling", "--share", "0.3")
    crowd = [town.household() for _ in range(12)]
    for buyer in crowd:
        town.phone(buyer).send_sms(f"BUY {buyer.meter} 20000")
    for buyer in crowd:
        assert town.meter_takes(buyer, token_in(town.reads(buyer, BACK_S))) == 281
    town.says_nothing_more(*crowd)
    town.books_are_right()


@pytest.mark.parametrize("kind", ["unbinding", "dropping"])
def test_a_network_that_breaks_the_link_in_place_of_an_answer(
    open_town: Callable[..., Town], kind: str
) -> None:
    town = open_town("--kind", kind, "--every", "4")
    crowd = [town.household() for _ in range(5)]
    for buyer in crowd:
        town.phone(buyer).send_sms(f"BUY {buyer.meter} 20000")
    for buyer in crowd:
        assert town.meter_takes(buyer, token_in(town.reads(buyer, BACK_S))) == 281
    for buyer in crowd:  # a text may come twice then; a token may not
        assert len(tokens_of(town, buyer)) == 1
        assert len(town.sales_of(buyer)) == 1
    town.nothing_lost()  # what the network did not answer is tried again for some minutes


def test_a_network_that_goes_away_and_comes_back(open_town: Callable[..., Town]) -> None:
    town = open_town()
    buyer = town.household()
    phone = town.phone(buyer)
    smsc = town.house.smsc
    assert smsc is not None
    smsc.kill()
    phone.dial()
    phone.choose("Buy units")
    phone.choose("Home")
    phone.answer("20000")
    token = token_in(phone.choose("Pay from account").text)
    assert town.notices_to(buyer) == [("token", "queued")]
    town.house.forget_phones()
    town.house.start_smsc()
    town.house.network_is_up()
    until(lambda: tokens_of(town, buyer), BACK_S, "the token by SMS")
    assert tokens_of(town, buyer) == {as_digits(token)}
    town.sold.append(as_digits(token))
    until(lambda: town.notices_to(buyer) == [("token", "delivered")], SOON_S, "the receipt")
    assert town.house.rows("SELECT max(attempt) FROM delivery WHERE handler = 'channel:sms'") == [
        (1,)
    ]
    town.books_are_right()


POINTS = (
    "journal.before-commit",
    "journal.after-commit",
    "worker.before-decide",
    "worker.before-commit",
    "worker.after-commit",
    "outbound.before-send",
    "outbound.after-mark",
    # the last one: the receipt of a text whose response was not noted waits 40 s for it
    "outbound.before-mark",
)


def test_the_plug_is_pulled_at_every_step(open_town: Callable[..., Town]) -> None:
    town = open_town()
    house = town.house
    assert house.hub is not None
    assert house.hub.stop() == 0
    house.start_hub(failpoint=POINTS[0])
    for here, following in zip(POINTS, (*POINTS[1:], ""), strict=True):
        buyer = town.household()
        town.settle()
        house.trap.touch()
        sent = town.phone(buyer).send_sms(f"BUY {buyer.meter} 20000")
        until(lambda: not house.hub.alive(), SOON_S, f"the hub is killed {here}")  # type: ignore[union-attr]
        house.trap.unlink()
        house.start_hub(failpoint=following)
        assert town.meter_takes(buyer, token_in(town.reads(buyer, BACK_S))) == 281, here
        town.phone(buyer).delivered(sent, SOON_S)
        assert len(tokens_of(town, buyer)) == 1, here
        assert len(town.sales_of(buyer)) == 1, here
        assert town.credit(buyer) == 30_002, here
        town.nothing_lost()


def test_a_drain_loses_nothing(open_town: Callable[..., Town]) -> None:
    town = open_town()
    crowd = [town.household() for _ in range(20)]
    for buyer in crowd:
        town.phone(buyer).send_sms(f"BUY {buyer.meter} 20000")
    assert town.house.hub is not None
    assert town.house.hub.stop() == 0
    town.house.start_hub()
    for buyer in crowd:
        assert town.meter_takes(buyer, token_in(town.reads(buyer, BACK_S))) == 281
    town.settle()
    assert all(len(town.sales_of(buyer)) == 1 for buyer in crowd)
    town.books_are_right()
