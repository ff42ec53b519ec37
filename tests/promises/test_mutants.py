"""The suite proves itself: each mutant makes the promise fail that it breaks, by its complaint."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.promises import test_rules as rules
from tests.promises import test_stepped as stepped
from tests.promises.checker import Broken
from tests.promises.conftest import SQLITE
from tests.promises.mutants import MUTANTS, installed
from tests.promises.worlds import SteppedWorld


@dataclass(frozen=True, slots=True)
class Caught:
    """The promise that must notice a mutant, and how its complaint begins."""

    promise: Callable[..., Any]
    complaint: str
    arguments: dict[str, Any] = field(default_factory=dict)


KILLED = stepped.test_what_was_accepted_is_done_once_whatever_is_killed
DEAD_LETTERS = (
    stepped.test_dead_letters_keep_their_evidence_and_hold_their_key_until_they_are_replayed
)
POISON = stepped.test_a_poisonous_message_hurts_only_itself
CAUGHT = {
    "acknowledge-before-commit": Caught(
        KILLED, "TWICE pay-.* told as", {"point": "journal.before-commit"}
    ),
    "mark-before-send": Caught(
        KILLED, "NOTICE .* marked sent, the far end never", {"point": "outbound.before-send"}
    ),
    "no-inbox": Caught(stepped.test_a_bus_that_delivers_twice_changes_nothing, "UNACCOUNTED"),
    "cursor-instead-of-state-scan": Caught(DEAD_LETTERS, "OPEN"),
    "rule-1-double-id-not-dropped": Caught(
        rules.test_a_doubled_delivery_is_dropped_before_anything_else, "TWICE"
    ),
    "rule-3-held-keys-not-parked": Caught(DEAD_LETTERS, "ORDER the later ones did not wait"),
    "rule-3-came-back-and-was-overtaken": Caught(
        rules.test_what_comes_back_while_a_batch_is_under_way_keeps_its_place, "ORDER"
    ),
    "rule-4-grouped-by-type": Caught(stepped.test_everything_is_done_once_and_in_order, "ORDER"),
    "rule-4-drawn-again-in-reruns": Caught(
        rules.test_a_price_keeps_its_instant_in_a_rerun, "BOOKS"
    ),
    "rule-5-exception-keeps-its-changes": Caught(
        # the rows of what failed are dropped, so that what it leaked has nowhere to go
        POISON,
        "LOST the poisonous one is not tried again",
    ),
    "rule-5-its-key-goes-on": Caught(POISON, "ORDER the later one of its key"),
    "rule-6-written-twice-unnoticed": Caught(
        rules.test_a_row_given_twice_in_one_set_is_refused, "BOOKS"
    ),
    "rule-7-transient-burns-attempts": Caught(
        rules.test_trouble_of_the_store_reruns_the_batch_and_burns_no_attempt, "LOST attempts"
    ),
    "rule-7-data-error-kills-the-batch": Caught(
        rules.test_what_cannot_be_stored_is_dead_alone, "LOST"
    ),
    "rule-8-starts-not-counted": Caught(
        stepped.test_a_message_that_kills_the_process_is_dead_after_three_starts,
        "OPEN it dies again and again",
    ),
    "no-halving-of-ends": Caught(
        rules.test_a_reference_that_no_text_can_hold_stops_no_other_notice, "OPEN"
    ),
}
#: Those that need several workers, real processes or a tracer are caught beside these.
ELSEWHERE = {
    "synchronous-normal": "test_power",
    "rule-2-read-before-lock": "test_contention",
    "rule-2-no-lock": "test_contention",
    "lock-order-of-its-own": "test_contention",
    "rule-7-one-try-alone": "test_contention",
    "no-fence": "test_leases",
}


@pytest.mark.parametrize("engine", [SQLITE])
@pytest.mark.parametrize("mutant", CAUGHT)
def test_the_suite_notices(world: SteppedWorld, mutant: str) -> None:
    caught = CAUGHT[mutant]
    with installed(mutant), pytest.raises(Broken, match=f"^{caught.complaint}"):
        caught.promise(world, **caught.arguments)


def test_no_mutant_is_forgotten() -> None:
    assert CAUGHT.keys() | ELSEWHERE.keys() == MUTANTS.keys()
