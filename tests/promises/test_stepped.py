"""The promises, stepped by hand on every engine: fast, and every kill lands where it is aimed."""

from collections.abc import Callable

import pytest

from core.messages import Outcome
from hub import deadletter
from hub.failpoints import POINTS
from hub.intake import Intake
from hub.worker import Worker
from tests.promises.checker import holds
from tests.promises.company import HOUSEHOLDS, OPENING, Ask, buy, pay
from tests.promises.farend import REUSED
from tests.promises.poison import KILLER, POISON
from tests.promises.worlds import SteppedWorld

#: Points of the broker's engine only.
BROKER = {
    "relay.before-publish",
    "relay.before-mark",
    "relay.after-mark",
    "consumer.before-ack",
}
PASSED = [point for point in POINTS if point not in BROKER]


def traffic(rounds: int = 3, name: str = "") -> list[Ask]:
    """Payments and purchases of every household, in turn; amounts that tell them apart."""
    asks = []
    for number in HOUSEHOLDS:
        for turn in range(rounds):
            key = f"{name}{number}.{turn}"
            asks.append(pay(f"pay-{key}", number, 100 * number + turn + 1))
            asks.append(buy(f"buy-{key}", number, 5_000 + 100 * turn))
    return sorted(asks, key=lambda ask: ask.key.rpartition(".")[2])


def test_everything_is_done_once_and_in_order(world: SteppedWorld) -> None:
    world.far.offer(*traffic())
    world.settle()
    world.verify()
    holds(all(a[-1]["outcome"] == "done" for a in world.record.answers.values()), "LOST refused")


@pytest.mark.parametrize("point", PASSED)
def test_what_was_accepted_is_done_once_whatever_is_killed(world: SteppedWorld, point: str) -> None:
    asks = traffic()
    for part in (asks[:12], asks[12:24], asks[24:]):
        world.kill_at(point)
        world.far.offer(*part)
        world.settle()
    assert world.died_at() == [point] * 3
    world.verify()


def test_the_stages_pass_every_point_but_the_brokers(world: SteppedWorld) -> None:
    world.far.offer(*traffic(1))
    world.settle()
    assert world.passed == set(POINTS) - BROKER


def test_a_repeat_gets_the_stored_answer_and_the_same_digits(world: SteppedWorld) -> None:
    sale = buy("b", 1, 20_000)
    world.far.offer(sale, sale)
    world.settle()
    world.far.offer(sale)
    world.kill()
    world.far.offer(sale)
    world.settle()
    world.verify()
    told = {answer["data"]["token"] for answer in world.record.answers["b"]}
    holds(len(told) == 1 and len(world.record.answers["b"]) >= 3, f"TOKEN told {told}")


def test_a_bus_that_delivers_twice_changes_nothing(world: SteppedWorld) -> None:
    # what is refused leaves no row whose key would stop it twice: only the inbox does
    world.far.offer(*traffic(1), pay("refused", 1, 0))
    world.turn(Intake)
    fetched = world.fetched()
    world.worker.process([*fetched, *fetched])
    world.worker.process(fetched)
    world.settle()
    world.verify()


def test_other_content_under_a_known_key_is_quarantined(world: SteppedWorld) -> None:
    world.far.offer(pay("k", 1, 500), pay("k", 1, 900))
    world.settle()
    world.far.offer(pay("k", 2, 500))
    world.settle()
    world.verify()
    holds(world.record.states("k").count(REUSED) == 2, f"TWICE {world.record.states('k')}")


def test_a_poisonous_message_hurts_only_itself(world: SteppedWorld) -> None:
    """The later ones of its key wait behind it; what it had staged is gone."""
    world.far.offer(
        pay("before", 1, 11),
        pay("bad", 1, 500, reference=POISON),
        pay("later", 1, 22),
        buy("other-type", 1, 5_000),
        pay("other-key", 2, 33),
    )
    world.turn(Intake, Worker)
    states = world.states()
    holds(states["other-key"] == states["before"] == 4, "LOST an innocent one was held back")
    holds(states["other-type"] == 4, "LOST another handler's message was held back")
    holds(states["bad"] == 1, "LOST the poisonous one is not tried again")
    holds(states["later"] == 2, "ORDER the later one of its key was not parked")
    left = world.credit(1) - (OPENING + 11 - 5_000)
    holds(0 <= left < 100, f"BOOKS the failed one left {left} behind")  # the sale carries a little
    world.cure()
    world.settle()
    world.verify("per-type")


def test_dead_letters_keep_their_evidence_and_hold_their_key_until_they_are_replayed(
    world: SteppedWorld,
) -> None:
    world.far.offer(pay("bad", 1, 500, reference=POISON), pay("later", 1, 22), pay("else", 2, 1))
    _until_dead(world)
    ((error_class, error, envelope, raw),) = world.rows(
        "SELECT d.error_class, d.error, m.envelope, j.raw FROM delivery d "
        "JOIN message m ON m.id = d.message_id JOIN journal j ON j.message_id = m.id "
        "AND j.outcome = 'accepted' WHERE d.state = 3"
    )
    holds(error_class == "PoisonError" and "cannot be handled" in error, f"LOST why: {error}")
    holds('"reference":"poison"' in envelope and "poison" in raw, "LOST the evidence")
    world.far.offer(pay("latest", 1, 44))
    world.settle()
    waiting = [world.states()[key] for key in ("later", "latest")]
    holds(waiting == [2, 2], f"ORDER the later ones did not wait: {waiting}")
    holds(world.record.answer("bad")["outcome"] == str(Outcome.UNKNOWN), "LOST the answer")
    world.cure()
    world.act(deadletter.replay, world.time.at_us)
    world.settle()
    world.verify("per-type")
    world.far.offer(pay("bad", 1, 500, reference=POISON))
    world.settle()
    holds(world.record.answer("bad")["outcome"] == "done", "LOST the replay's answer")


def test_what_waits_behind_a_discarded_letter_goes_on(world: SteppedWorld) -> None:
    world.far.offer(pay("bad", 1, 500, reference=POISON), pay("later", 1, 22))
    _until_dead(world)
    world.act(deadletter.discard, "not wanted", "operator", world.time.at_us)
    world.settle()
    world.verify("per-type")
    holds(world.credit(1) == OPENING + 22, "LOST the later one")


def test_a_message_that_kills_the_process_is_dead_after_three_starts(world: SteppedWorld) -> None:
    world.far.offer(*traffic(1), pay("k", 3, 5, reference=KILLER), pay("after", 4, 44))
    _until_dead(world)
    assert world.rows("SELECT error_class FROM delivery WHERE state = 3") == [("killer",)]
    assert world.died_at() == ["killer"] * 4  # once in company, then three times alone
    world.verify("per-type")
    holds(world.record.answer("after")["outcome"] == "done", "LOST an innocent one")


def test_a_full_queue_pushes_back_and_drops_nothing(
    make_world: Callable[..., SteppedWorld],
) -> None:
    world = make_world(open_messages=20)
    world.far.offer(*[pay(f"p{n}", n % 6 + 1, 100 + n) for n in range(60)])
    states = [state for key in world.record.asks for state in world.record.states(key)]
    holds(states.count("overloaded") == 40, f"BOOKS accepted over the limit: {states}")
    world.settle()
    world.verify("none")
    holds(len(world.record.safe()) == 60, "LOST some were never taken")


def test_notices_that_the_far_end_refuses_are_tried_again(world: SteppedWorld) -> None:
    world.far.refusals = [{"reason": "not now", "retry": True}] * 3
    world.far.offer(*traffic(1))
    world.settle()
    world.verify()


def test_a_notice_is_sent_again_until_it_is_confirmed(world: SteppedWorld) -> None:
    world.far.holding = True
    world.far.offer(*traffic(1))
    for _ in range(20):
        world.turn()
    holds(len(world.record.notices) == 6, "NOTICE not all were sent")
    world.far.holding = False
    world.kill()
    world.settle()
    world.verify()


def _until_dead(world: SteppedWorld) -> None:
    """Settle; what is dead stays so."""
    world.settle()
    holds(world.rows("SELECT count(*) FROM delivery WHERE state = 3") == [(1,)], "LOST not dead")
