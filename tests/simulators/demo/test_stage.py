"""What is checked on stage: the first figure that differs ends the story with both in words."""

import io
from pathlib import Path

import pytest

from simulators.demo.expected import Expected
from simulators.demo.house import House
from simulators.demo.people import HOUSEHOLDS
from simulators.demo.show import Show
from simulators.demo.stage import Stage, StoryError
from tests.simulators.demo.test_reading import QUOTE, SMS, SOLD


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(House(tmp_path), Show(io.StringIO()))


def told(stage: Stage) -> str:
    out = stage.show.out
    assert isinstance(out, io.StringIO)
    return out.getvalue()


def test_what_is_the_same_is_told_and_counted(stage: Stage) -> None:
    stage.same("credit left", 30_002, 30_002)
    stage.same("in passing", 1, 1, quiet=True)
    assert told(stage) == "         ok  credit left: 30002\n"
    assert stage.checks == 2


def test_what_differs_is_an_error_with_both(stage: Stage) -> None:
    with pytest.raises(StoryError) as wrong:
        stage.same("credit left", 30_002, 30_000)
    assert str(wrong.value) == "credit left: expected 30002, came 30000"
    assert stage.checks == 1


def test_a_sale_must_show_every_figure(stage: Stage) -> None:
    sale = stage.expected.first
    stage.shows_sale("the quote", sale, QUOTE)
    stage.shows_sale("the SMS", sale, SMS)
    stage.shows_sale("the screen", sale, SOLD, all_lines=False)
    with pytest.raises(StoryError, match="the quote, vat: expected 3051, came 3052"):
        stage.shows_sale("the quote", sale, QUOTE.replace("3,051", "3,052"))
    with pytest.raises(StoryError, match="the quote, service: expected 3360, came None"):
        stage.shows_sale("the quote", sale, QUOTE.replace("Service 3,360", ""))


def test_a_line_too_many_is_an_error(stage: Stage) -> None:
    text = SMS.replace("20,000,", "20,000, Credit UGX 7,")
    with pytest.raises(StoryError, match="its lines"):
        stage.shows_sale("the SMS", stage.expected.first, text)


def test_fragments_are_found_across_line_breaks(stage: Stage) -> None:
    stage.says_all("the SMS", ("28.1 kWh, meter", "04123456784 Service"), SMS)
    with pytest.raises(StoryError, match="blocked"):
        stage.says_all("the SMS", ("28.1 kWh", "blocked"), SMS)


def test_who_speaks_stands_before_each_line(stage: Stage) -> None:
    stage.show.act(2, "Buy by USSD")
    stage.says("phone", "| one\n| two")
    assert told(stage).splitlines()[1:] == [
        "Act 2. Buy by USSD",
        "      phone  | one",
        "             | two",
    ]


def test_colours_are_for_terminals() -> None:
    out = io.StringIO()
    Show(out, colour=True).says("hub", "up")
    assert "\x1b[33m" in out.getvalue()


def test_the_meters_of_the_story_hang_on_the_wall(stage: Stage) -> None:
    assert [meter.tenths for meter in stage.meters.values()] == [0] * len(HOUSEHOLDS)
    assert stage.expected == Expected()
