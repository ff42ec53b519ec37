"""The suite proves itself: each mutant makes the promise fail that it breaks."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.promises import test_rules as rules
from tests.promises import test_stepped as stepped
from tests.promises.checker import Broken
from tests.promises.conftest import SQLITE
from tests.promises.mutants import installed
from tests.promises.worlds import SteppedWorld

#: mutant -> the promise that must notice it (with its further arguments)
CAUGHT_BY: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "acknowledge-before-commit": (
        stepped.test_what_was_accepted_is_done_once_whatever_is_killed,
        {"point": "journal.before-commit"},
    ),
    "mark-before-send": (
        stepped.test_what_was_accepted_is_done_once_whatever_is_killed,
        {"point": "outbound.before-send"},
    ),
    "no-inbox": (stepped.test_a_bus_that_delivers_twice_changes_nothing, {}),
    "cursor-instead-of-state-scan": (
        stepped.test_dead_letters_keep_their_evidence_and_hold_their_key_until_they_are_replayed,
        {},
    ),
    "rule-1-double-id-not-dropped": (
        rules.test_a_doubled_delivery_is_dropped_before_anything_else,
        {},
    ),
    "rule-3-held-keys-not-parked": (
        stepped.test_dead_letters_keep_their_evidence_and_hold_their_key_until_they_are_replayed,
        {},
    ),
    "rule-3-came-back-and-was-overtaken": (
        rules.test_what_comes_back_while_a_batch_is_under_way_keeps_its_place,
        {},
    ),
    "rule-4-grouped-by-type": (stepped.test_everything_is_done_once_and_in_order, {}),
    "rule-4-drawn-again-in-reruns": (rules.test_a_price_keeps_its_instant_in_a_rerun, {}),
    "rule-5-exception-keeps-its-changes": (
        stepped.test_a_poisonous_message_hurts_only_itself,
        {},
    ),
    "rule-5-its-key-goes-on": (stepped.test_a_poisonous_message_hurts_only_itself, {}),
    "rule-6-written-twice-unnoticed": (rules.test_a_row_given_twice_in_one_set_is_refused, {}),
    "rule-7-transient-burns-attempts": (
        rules.test_trouble_of_the_store_reruns_the_batch_and_burns_no_attempt,
        {},
    ),
    "rule-7-data-error-kills-the-batch": (rules.test_what_cannot_be_stored_is_dead_alone, {}),
    "rule-8-starts-not-counted": (
        stepped.test_a_message_that_kills_the_process_is_dead_after_three_starts,
        {},
    ),
    "no-halving-of-ends": (
        rules.test_a_reference_that_no_text_can_hold_stops_no_other_notice,
        {},
    ),
}


@pytest.mark.parametrize("engine", [SQLITE])
@pytest.mark.parametrize("mutant", CAUGHT_BY)
def test_the_suite_notices(world: SteppedWorld, mutant: str) -> None:
    promise, arguments = CAUGHT_BY[mutant]
    with installed(mutant), pytest.raises(Broken):
        promise(world, **arguments)
