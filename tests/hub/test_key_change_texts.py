"""What a customer reads of a key change: one message, the tokens whole and in their order."""

import re
from itertools import pairwise

import msgspec
import pytest

from adapters.smpp.segment import Part, segment
from channels.sms.outbound import TOKEN
from hub.texts import Texts, read_folder
from tests.hub.test_texts import SALE, SALE_ARGS, House

SET = (
    "03854447086453451911",
    "02791799436242461152",
    "67118070329353977190",
    "19019128690902932218",
)
GROUPS = re.compile(r"[0-9]{4}(?: [0-9]{4}){4}")
LANGUAGES = ("en", "fr", "sw", "zh")


def shown(template: str, language: str = "en", tokens: tuple[str, ...] = SET) -> str:
    return Texts(read_folder(), House()).render(template, language, SALE_ARGS | {"kct": tokens})


def tokens_in(text: str) -> list[str]:
    return [found.replace(" ", "") for found in GROUPS.findall(text)]


def text_of(part: Part) -> str:
    if part.data_coding == 8:
        return part.short_message[6:].decode("utf-16-be")
    return part.short_message[6:].decode("ascii", "replace")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["token-key-change", "token-key-change-again"])
def test_the_set_comes_before_the_credit_in_its_order(template: str, language: str) -> None:
    text = shown(template, language)
    assert tokens_in(text) == [*SET, SALE.token]
    numbers = [int(n) for n in re.findall(r"^([1-9])\) [0-9]{4} ", text, re.MULTILINE)]
    assert numbers == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_long_message_keeps_every_token_whole_and_in_order(language: str) -> None:
    text = shown("token-key-change", language)
    parts = segment(text, 77, "gsm", "udh8", TOKEN)
    assert 2 <= len(parts) <= 10
    references = {part.short_message[3] for part in parts}
    assert len(references) == 1, "one message, however many parts"
    assert [part.short_message[5] for part in parts] == list(range(1, len(parts) + 1))
    whole = [each for part in parts for each in tokens_in(text_of(part))]
    assert whole == [*SET, SALE.token]


def test_the_sentence_about_old_tokens_comes_first() -> None:
    assert shown("token-key-change", tokens=SET[:2]) == (
        "Your meter gets a new key. First key in old tokens, if you have any. "
        "Then, in this order:\n"
        f"1) {grouped(SET[0])}\n2) {grouped(SET[1])}\n3) {grouped(SALE.token)}\n"
        "3) is your token: 28.1 kWh, meter 04123456784 Home\n"
        "Energy 13,587, Service 3,360, VAT 3,051, carried fwd 2\n"
        "UGX 20,000, receipt A-0000123"
    )


def test_a_repeat_says_what_to_skip() -> None:
    lines = shown("token-key-change-again").splitlines()
    assert lines[0] == "Skip these if your meter already took them:"
    assert lines[5:7] == ["Then your token:", f"5) {grouped(SALE.token)}"]


@pytest.mark.parametrize("template", ["token-copy", "last-tokens.sale"])
def test_a_copy_shows_the_set_only_where_there_is_one(template: str) -> None:
    assert tokens_in(shown(template)) == [*SET, SALE.token]
    assert tokens_in(shown(template, tokens=())) == [SALE.token]
    plain = Texts(read_folder(), House()).render(template, "en", SALE_ARGS)
    assert plain == shown(template, tokens=())


def test_the_answer_to_a_repeat_shows_the_set_too() -> None:
    sale = msgspec.to_builtins(SALE) | {"kct": SET}
    text = Texts(read_folder(), House()).render("repeat", "en", {"sale": sale, "text": "BUY"})
    assert tokens_in(text) == [*SET, SALE.token]


def test_a_change_that_is_due_is_one_more_line() -> None:
    plain = Texts(read_folder(), House()).render("token", "en", SALE_ARGS)
    due = shown("token-key-due")
    assert due.startswith(plain)
    assert due.removeprefix(plain).strip().startswith("Your meter needs a new key soon.")


def grouped(digits: str) -> str:
    return " ".join(digits[at : at + 4] for at in range(0, 20, 4))


def test_no_two_tokens_run_into_each_other() -> None:
    for language in LANGUAGES:
        spans = [m.span() for m in GROUPS.finditer(shown("token-key-change", language))]
        assert all(b[0] - a[1] >= 2 for a, b in pairwise(spans))
