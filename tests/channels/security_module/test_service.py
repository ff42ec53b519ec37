"""The life of an order in the channel: on disk before it leaves, never twice, told once."""

import msgspec
import pytest

from adapters.prismtoken.calls import FetchTokenResult
from core.messages import AskBalance
from core.store.tx import TransientStoreError
from hub.channel import NOT_SENT, Failed, Outbound, Overloaded, Sent
from tests.channels.security_module.fakes import Stage, order, outcome

ONE, TWO, THREE = order(1), order(2), order(3)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_an_order_is_made_reported_and_let_go(stage: Stage) -> None:
    done = stage.send(ONE)
    assert stage.link.issued() == [ONE.reference]
    stage.makes(ONE)
    assert outcome(done) == Sent()
    (report,) = stage.told()
    assert (report.order, report.state, report.module) == (1, "made", "box")
    assert [each.tid for each in report.tokens] == [ONE.tid]
    assert stage.step_of(ONE) == "made"
    (arrival,) = stage.ports.arrivals
    assert report.tokens[0].digits not in arrival.raw
    assert arrival.correlation == ONE.reference


def test_the_step_is_on_disk_before_the_call_leaves(stage: Stage) -> None:
    stage.ports.pages = []
    stage.send(ONE)
    assert (stage.link.calls, stage.step_of(ONE)) == ([], None)
    stage.ports.write()
    assert stage.link.issued() == [ONE.reference]
    assert stage.step_of(ONE) == "issuing"


def test_a_note_being_written_holds_its_connection(stage: Stage) -> None:
    stage.ports.pages = []
    for each in (ONE, TWO, THREE):
        stage.send(each)
    assert len(stage.ports.pages) == 2
    stage.ports.write()
    assert stage.link.issued() == [ONE.reference, TWO.reference]
    stage.makes(ONE)
    assert stage.link.issued()[2:] == [THREE.reference]


@pytest.mark.parametrize("error", [TransientStoreError("away"), Overloaded("full"), ValueError()])
def test_without_its_note_nothing_is_sent_and_it_comes_again(
    stage: Stage, error: Exception
) -> None:
    stage.ports.unwritten = [error] * 3
    stage.send(ONE)
    assert not stage.link.calls
    stage.advance(9)
    assert len(stage.ports.unwritten) == 1  # once in again_s, not in a loop
    assert not stage.link.calls
    stage.advance(6)
    assert stage.link.issued() == [ONE.reference]


def test_a_call_that_never_left_leaves_the_order_as_it_was(stage: Stage) -> None:
    stage.link.breaks = True
    done = stage.send(ONE)
    assert (stage.link.calls, stage.reports(), outcome(done)) == ([], [], None)
    assert stage.channel.status()["orders"] == {"waiting": 1}
    stage.link.breaks = False
    stage.advance(1)
    stage.makes(ONE)
    assert stage.reports() == [(1, "made")]


@pytest.mark.parametrize(
    "change",
    [{"reference": "no id of a message"}, {"token_class": 1}, {"sgc": "x"}, {"base": 1900}],
    ids=str,
)
def test_what_cannot_be_asked_for_is_refused(stage: Stage, change: dict[str, object]) -> None:
    bad = order(1, **change)
    done = stage.send(bad)
    assert outcome(done) == Sent()
    (report,) = stage.told()
    assert (report.state, report.code) == ("refused", "module_order")
    assert report.detail
    assert not stage.link.calls


def test_an_unfit_order_does_not_keep_the_module_on_trial_for_ever() -> None:
    stage = Stage(failures=1, pause_s=5.0)
    stage.send(ONE)
    stage.loses()
    stage.advance(6)  # now one may try
    stage.send(order(2, base=1900))
    stage.send(THREE)
    assert stage.link.issued() == [ONE.reference, THREE.reference]


def test_a_module_makes_tokens_only(stage: Stage) -> None:
    asked = AskBalance(phone="+256700000001")
    ended = outcome(stage.channel.send(Outbound("m", asked, 1, "m")))
    assert isinstance(ended, Failed)
    assert not ended.retry


# --- doubt --------------------------------------------------------------------------------------


def test_a_lost_call_is_told_once_asked_after_its_time_and_made(stage: Stage) -> None:
    stage.send(ONE)
    stage.loses()
    assert stage.reports() == [(1, "doubtful")]
    stage.advance(29)
    assert stage.link.asked() == []
    stage.advance(1)
    assert stage.link.asked() == [ONE.reference]
    stage.loses()  # the question too
    stage.advance(5)
    stage.makes(ONE)
    assert stage.reports() == [(1, "doubtful"), (1, "made")]
    assert stage.link.issued() == [ONE.reference]


def test_never_made_is_ordered_again_with_the_same_tid(stage: Stage) -> None:
    done = stage.send(ONE)
    stage.loses()
    stage.advance(30)
    stage.refuses("ECacheMiss")
    assert stage.link.issued() == [ONE.reference] * 2
    first, second = [call for call in stage.link.calls if call.makes]
    assert first == second
    stage.makes(ONE)
    assert stage.reports() == [(1, "doubtful"), (1, "made")]
    assert outcome(done) == Sent()


def test_never_made_said_too_late_is_for_people(stage: Stage) -> None:
    stage.link.connections = 1
    done = stage.send(ONE)
    stage.loses()
    stage.link.connections = 0
    stage.advance(700)
    stage.link.connections = 1
    stage.link.tell()
    stage.refuses("ECacheMiss")
    assert stage.reports() == [(1, "doubtful"), (1, "undecided")]
    assert outcome(done) == Sent()
    assert stage.step_of(ONE) == "undecided"
    assert ("error", "module.needs-people") in stage.ports.log.lines


def test_a_clock_that_was_set_back_makes_never_made_no_truer(stage: Stage) -> None:
    stage.send(ONE)
    stage.loses()
    stage.advance(30)
    back = stage.ports.now_us() - 3_600_000_000
    stage.ports.now_us = lambda: back  # type: ignore[method-assign]
    stage.refuses("ECacheMiss")
    assert stage.reports()[-1] == (1, "undecided")
    assert stage.link.issued() == [ONE.reference]


def test_another_s_token_is_for_people_and_nobody_gets_it(stage: Stage) -> None:
    stage.send(ONE)
    stage.makes(ONE, drn="01234567897")
    (report,) = stage.told()
    assert (report.state, report.tokens) == ("wrong", ())
    assert "drn: asked 04123456784, got 01234567897" in report.detail
    assert stage.step_of(ONE) == "wrong"


def test_a_refusal_for_good_carries_the_module_s_words(stage: Stage) -> None:
    stage.send(ONE)
    stage.refuses("EKeystore.NotFound", "no vending key 201457/1")
    (report,) = stage.told()
    assert (report.state, report.code) == ("refused", "module_key_missing")
    assert report.detail == "no vending key 201457/1"
    assert ("error", "module.refuses") in stage.ports.log.lines


def test_trouble_of_the_hardware_comes_again_without_a_word(stage: Stage) -> None:
    stage.channel.chance = lambda: 0.0
    stage.send(ONE)
    stage.refuses("ESm")
    assert stage.reports() == []
    stage.advance(5)
    stage.makes(ONE)
    assert stage.reports() == [(1, "made")]
    assert stage.link.issued() == [ONE.reference] * 2


def test_orders_put_off_together_do_not_come_again_together(stage: Stage) -> None:
    """In step, each could undo the sign-in that the other one needs, again and again."""
    chances = iter((0.0, 0.8))
    stage.channel.chance = lambda: next(chances)
    for each in (ONE, TWO):
        stage.send(each)
    for _ in range(2):
        stage.refuses("ESignin")
    stage.advance(5)
    assert stage.link.issued()[2:] == [ONE.reference]
    stage.advance(4)
    assert stage.link.issued()[2:] == [ONE.reference, TWO.reference]


@pytest.mark.parametrize("why", ["refused for now", "never made", "never left"])
def test_what_surely_was_not_made_is_known_as_such_after_a_long_night(
    stage: Stage, why: str
) -> None:
    stage.options["give_up_s"] = 86_400.0
    stage.restart()
    if why == "never left":
        stage.link.breaks = True
    stage.send(ONE)
    if why == "refused for now":
        stage.refuses("ESm")
    elif why == "never made":
        stage.loses()
        stage.advance(30)
        stage.link.connections = 1  # the answer finds no other connection free
        stage.link.breaks = True
        stage.refuses("ECacheMiss")
    assert stage.step_of(ONE) == "waiting"
    stage.channel.stop()
    stage.restart(after_s=36_000)
    stage.send(ONE)
    assert (stage.link.asked(), stage.link.issued()) == ([], [ONE.reference])


@pytest.mark.parametrize("error", [TransientStoreError("away"), Overloaded("full")])
def test_where_that_could_not_be_noted_it_is_asked(stage: Stage, error: Exception) -> None:
    stage.send(ONE)
    stage.ports.unwritten = [error]
    stage.refuses("ESm")
    assert stage.step_of(ONE) == "issuing"
    stage.restart()
    stage.send(ONE)
    stage.advance(31)
    assert (stage.link.asked(), stage.link.issued()) == ([ONE.reference], [])


# --- waiting ------------------------------------------------------------------------------------


def test_a_module_that_is_away_is_told_once_and_given_up_in_the_end() -> None:
    stage = Stage(connections=0)
    done = stage.send(ONE)
    stage.advance(19)
    assert stage.reports() == []
    stage.advance(500)
    assert stage.reports() == [(1, "delayed")]
    stage.advance(82)
    assert stage.reports() == [(1, "delayed"), (1, "refused")]
    assert stage.told()[-1].code == "module_away"
    assert outcome(done) == Sent()
    stage.link.connections = 2
    stage.advance(2)
    assert not stage.link.calls


def test_age_counts_from_the_order_not_from_this_process() -> None:
    stage = Stage(connections=0)
    stage.send(ONE, since_us=stage.ports.now_us() - 601_000_000)
    assert stage.reports() == [(1, "refused")]


def test_what_may_have_been_made_is_never_given_up(stage: Stage) -> None:
    stage.send(ONE)
    stage.loses()
    stage.link.connections = 0
    stage.advance(5_000)
    assert stage.reports() == [(1, "doubtful")]


def test_in_trouble_the_module_gets_questions_and_no_new_orders() -> None:
    stage = Stage(connections=4, failures=2, pause_s=60.0)
    for each in (ONE, TWO):
        stage.send(each)
    stage.loses()
    stage.loses()
    assert stage.channel.status()["breaker"] == "open"
    stage.send(THREE)
    assert stage.link.issued() == [ONE.reference, TWO.reference]
    stage.advance(30)
    assert stage.link.asked() == [ONE.reference, TWO.reference]
    stage.refuses("ECacheMiss")  # an answer: it is well
    assert THREE.reference in stage.link.issued()


def test_after_the_pause_one_tries() -> None:
    stage = Stage(connections=4, failures=1, pause_s=10.0, settle_s=500.0, remembered_s=2_000.0)
    stage.send(ONE)
    stage.loses()
    stage.send(TWO)
    stage.send(THREE)
    stage.advance(10)
    assert stage.link.issued() == [ONE.reference, TWO.reference]
    stage.makes(TWO)
    assert stage.link.issued()[2:] == [THREE.reference]


# --- reports that cannot be journaled -------------------------------------------------------------


def test_an_end_that_cannot_be_journaled_comes_again(stage: Stage) -> None:
    done = stage.send(ONE)
    stage.ports.trouble = [Overloaded("full"), TransientStoreError("away")]
    stage.makes(ONE)
    assert (stage.reports(), outcome(done), stage.step_of(ONE)) == ([], None, "issuing")
    stage.advance(2)
    assert stage.reports() == [(1, "made")]
    assert outcome(done) == Sent()


def test_an_end_whose_note_cannot_be_written_is_one_end(stage: Stage) -> None:
    done = stage.send(ONE)
    stage.ports.unwritten = [TransientStoreError("away")]
    stage.makes(ONE)
    assert outcome(done) is None
    stage.advance(1)
    assert (stage.reports(), outcome(done), stage.step_of(ONE)) == ([(1, "made")], Sent(), "made")


@pytest.mark.parametrize("state", ["delayed", "doubtful"])
def test_what_is_told_on_the_way_is_told_again_until_it_is_journaled(state: str) -> None:
    stage = Stage(connections=1 if state == "doubtful" else 0, settle_s=300.0)
    stage.ports.trouble = [Overloaded("full"), Overloaded("full")]
    stage.send(ONE)
    if state == "doubtful":
        stage.loses()
    else:
        stage.advance(20)
    assert stage.reports() == []
    stage.advance(5)
    assert stage.reports() == [(1, state)]
    assert stage.ports.repeats == []


def test_while_it_is_told_of_one_order_no_other_is_handled_twice() -> None:
    """A report that fails at once has the channel look at its orders anew, in the middle of it."""
    stage = Stage(connections=0)
    old = stage.ports.now_us() - 30_000_000
    for each in (ONE, TWO, THREE):
        stage.send(each, since_us=old)
    stage.ports.trouble = [Overloaded("full")]
    stage.link.connections = 3
    stage.advance(1)
    assert sorted(stage.link.issued()) == [each.reference for each in (ONE, TWO, THREE)]


def test_another_end_under_the_same_name_is_for_people_and_the_first_stands(stage: Stage) -> None:
    """A module that made the order a second time after it was told of, and forgot the first."""
    stage.send(ONE)
    stage.makes(ONE)
    stage.ports.notebook.clear()  # a database that was restored
    done = stage.send(ONE)
    stage.makes(ONE, place=9)
    assert outcome(done) == Sent()
    assert ("error", "module.two-ends") in stage.ports.log.lines
    assert stage.reports() == [(1, "made")]


# --- a restart ------------------------------------------------------------------------------------


def test_after_a_crash_what_was_out_is_asked_about_and_never_ordered(stage: Stage) -> None:
    stage.send(ONE)
    stage.restart(after_s=5)
    done = stage.send(ONE)
    assert stage.reports() == [(1, "doubtful")]
    assert (stage.link.issued(), stage.channel.status()["doubtful after a restart"]) == ([], 1)
    stage.advance(30)
    assert isinstance(stage.link.calls[0], FetchTokenResult)
    stage.makes(ONE)
    assert outcome(done) == Sent()
    assert stage.reports()[-1] == (1, "made")


def test_after_a_crash_an_order_that_ended_is_over(stage: Stage) -> None:
    stage.send(ONE)
    stage.makes(ONE)
    stage.restart()
    assert outcome(stage.send(ONE)) == Sent()
    assert (stage.link.calls, stage.reports()) == ([], [(1, "made")])


def test_after_a_crash_what_was_not_noted_was_not_begun(stage: Stage) -> None:
    stage.ports.pages = []
    stage.send(ONE)
    stage.ports.pages = None
    stage.restart()
    stage.send(ONE)
    assert stage.link.issued() == [ONE.reference]


@pytest.mark.parametrize("told", [True, False])
def test_after_a_crash_between_a_refusal_and_its_end_it_stays_refused(
    stage: Stage, told: bool
) -> None:
    """The money went back: a module that would make it now must not be asked to."""
    stage.send(ONE)
    if told:
        accept = stage.ports.accept

        def killed(arrival: object) -> object:
            stage.ports.pages = []  # nothing is written any more
            return accept(arrival)  # type: ignore[arg-type]

        stage.ports.accept = killed  # type: ignore[assignment, method-assign]
    else:
        stage.ports.trouble = [Overloaded("full")]
    stage.refuses("EService.Disabled", "closed for the day")
    stage.ports.pages = None
    if told:
        stage.ports.accept = accept  # type: ignore[method-assign]
    stage.restart(after_s=60)
    done = stage.send(ONE)
    assert (stage.link.calls, outcome(done)) == ([], Sent())
    (report,) = stage.told()
    assert (report.code, report.detail) == ("module_disabled", "closed for the day")


def test_a_note_that_is_none_is_for_people(stage: Stage) -> None:
    stage.ports.notebook[ONE.reference] = "{}"
    ended = outcome(stage.send(ONE))
    assert isinstance(ended, Failed)
    assert not ended.retry
    stage.ports.notebook[ONE.reference] = '{"step":"?","sent_us":0,"calls":0,"not_before_us":0}'
    assert isinstance(outcome(stage.send(ONE)), Failed)
    assert not stage.link.calls


def test_a_notebook_that_cannot_be_read_burns_no_attempt(stage: Stage) -> None:
    stage.ports.unread = [TransientStoreError("away")]
    ended = outcome(stage.send(ONE))
    assert isinstance(ended, Failed)
    assert (ended.retry, ended.error_class) == (True, NOT_SENT)
    assert stage.channel.capacity() == 1_000


# --- stopping and room --------------------------------------------------------------------------


def test_stopping_gives_back_what_waits_and_waits_for_what_is_out() -> None:
    stage = Stage(connections=1)
    out, waits = stage.send(ONE), stage.send(TWO)
    left = stage.channel.stop()
    ended = outcome(waits)
    assert isinstance(ended, Failed)
    assert (ended.retry, ended.error_class) == (True, NOT_SENT)
    assert not left.called
    assert isinstance(outcome(stage.send(THREE)), Failed)
    stage.makes(ONE)
    assert (outcome(out), left.called, stage.reports()) == (Sent(), True, [(1, "made")])
    assert not stage.clock.getDelayedCalls()


def test_stopping_gives_back_what_was_lost_meanwhile(stage: Stage) -> None:
    out = stage.send(ONE)
    left = stage.channel.stop()
    stage.loses()
    ended = outcome(out)
    assert isinstance(ended, Failed)
    assert ended.error_class == NOT_SENT
    assert left.called
    assert stage.step_of(ONE) == "issuing"


def test_it_holds_so_many_and_counts_those_whose_notes_are_read() -> None:
    stage = Stage(connections=0, waiting=3)
    stage.ports.looking = []
    stage.send(ONE)
    stage.send(TWO)
    assert stage.channel.capacity() == 1
    stage.ports.looking[0].callback(None)
    assert stage.channel.capacity() == 1
    stage.send(THREE)
    assert stage.channel.capacity() == 0
    for each in stage.ports.looking[1:]:
        each.callback(None)
    assert stage.channel.capacity() == 0
    stage.channel.stop()
    assert stage.channel.capacity() == 0


def test_room_wakes_the_hub() -> None:
    stage = Stage(waiting=1)
    stage.send(ONE)
    wakes = stage.ports.wakes
    stage.makes(ONE)
    assert stage.ports.wakes > wakes
    assert stage.channel.capacity() == 1


def test_the_same_order_twice_at_once_is_taken_once(stage: Stage) -> None:
    stage.send(ONE)
    again = outcome(stage.send(ONE))
    assert isinstance(again, Failed)
    assert again.error_class == NOT_SENT
    assert stage.link.issued() == [ONE.reference]


def test_its_status_says_where_its_orders_are(stage: Stage) -> None:
    for each in (ONE, TWO, THREE):
        stage.send(each)
    assert msgspec.to_builtins(stage.channel.status())["orders"] == {"issuing": 2, "waiting": 1}


def test_an_order_that_nobody_placed_is_not_begun(stage: Stage) -> None:
    done = outcome(stage.hands_over(order(9)))
    assert isinstance(done, Failed)
    assert (done.retry, stage.link.calls) == (False, [])


def test_an_order_in_other_words_is_not_begun(stage: Stage) -> None:
    stage.ports.placed[ONE.order, ONE.reference] = ONE
    done = outcome(stage.hands_over(order(1, amount=14_050)))
    assert isinstance(done, Failed)
    assert (done.retry, stage.link.calls, stage.step_of(ONE)) == (False, [], None)


def test_an_order_that_has_ended_is_let_go(stage: Stage) -> None:
    stage.send(ONE)
    stage.makes(ONE)
    del stage.ports.placed[ONE.order, ONE.reference]
    assert outcome(stage.hands_over(ONE)) == Sent()
    assert stage.link.issued() == [ONE.reference]
