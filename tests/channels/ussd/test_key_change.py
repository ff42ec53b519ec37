"""A purchase that brings key change tokens, on a small screen."""

from dataclasses import replace

import pytest

from channels.ussd.state import Outcome, Place, State
from channels.ussd.words import Words
from hub.texts import Texts, read_folder
from tests.channels.ussd.fakes import FakeCompany, sale_view
from tests.channels.ussd.test_menu import MENU, SCREENS, Walk, facts

SET = (
    "03854447086453451911",
    "02791799436242461152",
    "67118070329353977190",
    "19019128690902932218",
)


def words() -> Words:
    languages = read_folder()
    return Words(languages, Texts(languages, FakeCompany()), SCREENS, FakeCompany())


def grouped(digits: str) -> str:
    return " ".join(digits[at : at + 4] for at in range(0, 20, 4))


def pages(screen: str, language: str, kct: tuple[str, ...]) -> tuple[str, ...]:
    view = sale_view(kct=kct, key_change="first" if kct else "")
    said = Outcome("x", words().sale(view, language)).args
    state: State = Walk().dial(facts(language)).state
    return SCREENS.pages(replace(state, place=Place(screen, args=said)))


@pytest.mark.parametrize("language", MENU.languages)
def test_the_screen_says_that_the_set_comes_by_sms(language: str) -> None:
    shown = pages("sold", language, SET)
    whole = "\n".join(shown)
    assert "SMS" in whole or "短信" in whole
    assert str(len(SET)) in shown[0]
    assert not any(grouped(each) in whole for each in SET)
    token = grouped(sale_view().token)
    assert whole.index("4") < whole.index(token), "the sentence stands in front of the token"


@pytest.mark.parametrize("language", MENU.languages)
def test_the_sentence_and_the_token_stand_on_one_page(language: str) -> None:
    first = pages("sold", language, SET)[0]
    assert grouped(sale_view().token) in first


def test_the_english_sentence() -> None:
    shown = pages("sold", "en", SET[:2])[0]
    assert "First key in the 2 tokens that come by SMS, in their order. Then:\n" in shown


@pytest.mark.parametrize("language", MENU.languages)
def test_a_copy_shows_the_whole_set_over_pages(language: str) -> None:
    """No SMS comes with a copy."""
    whole = "\n".join(pages("token-again", language, SET))
    places = [whole.index(grouped(each)) for each in (*SET, sale_view().token)]
    assert places == sorted(places)


@pytest.mark.parametrize("screen", ["sold", "token-again"])
def test_without_a_key_change_nothing_is_said_of_one(screen: str) -> None:
    whole = "\n".join(pages(screen, "en", ()))
    assert "First" not in whole
    assert grouped(sale_view().token) in whole


def test_my_tokens_with_a_set() -> None:
    said = words().sales([sale_view(kct=SET), sale_view()], "en")
    assert said.count(grouped(SET[0])) == 1
    assert said.count(grouped(sale_view().token)) == 2
