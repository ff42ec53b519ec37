"""The file of words: its errors name the line; the sentences ask for words that are understood."""

import re
from importlib import resources

import pytest

from channels.sms.commands import Buy, Money, Nonsense, Yes, parse
from channels.sms.words import default_words, fold, read_words
from core.documents import DocumentError
from hub.texts import read_folder

WORDS = default_words()


def file() -> str:
    folder = resources.files("mappings") / "sms"
    return (folder / "commands.yaml").read_text(encoding="utf-8")


def problems(text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        read_words(text, "commands.yaml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("NUNUA, NUNUWA", "NUNUA, NUNUA", "commands.buy.sw[1]: 'NUNUA' stands already at"),
        ("SALIO, SALYO", "BUY, SALYO", "commands.balance.sw[0]: 'BUY' stands already at"),
        ("K: 1000", "BUY: 1000", "multipliers.BUY: 'BUY' stands already at"),
        ("[NGN, NAIRA]", "[NGN, OK]", "currencies.NGN[1]: 'OK' stands already at"),
        ("[HELP, HLP", "[HELP, HELP ME", "commands.help.en[1]: 'HELP ME' must be one word"),
        ("[AGAIN, AGEN, AGIN, AGIAN]", "[]", "commands: 'again' needs a word in 'en'"),
        ("  again:", "  agian:", "commands.agian: expected one of the allowed values"),
    ],
)
def test_a_wrong_file(old: str, new: str, expected: str) -> None:
    assert old in file()
    found = problems(file().replace(old, new, 1))
    assert any(expected in problem for problem in found), found
    line = file()[: file().index(old)].count("\n") + 1
    if expected.startswith("commands: "):
        return
    assert any(problem.startswith(f"commands.yaml:{line}:") for problem in found)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("buy", "BUY"),
        (" B\u200bU\u00adY\t", "BUY"),
        ("ＢＵＹ　１２", "BUY 12"),
        ("Acheté", "ACHETE"),
        ("straße", "STRASSE"),
        ("४२", "42"),
        ("a\x00b", "A B"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize("language", ["en", "fr", "sw", "zh"])
def test_what_the_texts_ask_people_to_send_is_understood(language: str) -> None:
    texts = read_folder()[language].sheet.texts
    money = Money("UGX", 0)
    examples = 0
    for key, text in texts.items():
        for example in re.findall(r"[A-Z\u4e00-\u9fff]+ 04123456784 20000", text):
            word = re.sub(r"^(例如|购电：)", "", example)
            bought = parse(word, WORDS, money)
            assert isinstance(bought, Buy), (key, example)
            assert bought.language == language
            examples += 1
        for example in re.findall(r"[A-Z\u4e00-\u9fff]+ 1234", text):
            assert parse(example, WORDS, money) == Yes("1234", language)
        for shown in re.findall(r"\b[A-Z]{4,}\b", text):
            if shown not in ("COPY", "COPIE", "NAKALA", "TEST"):
                answer = parse(shown, WORDS, money)
                assert answer != Nonsense(), (key, shown)
    assert examples > 5
