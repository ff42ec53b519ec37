import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.ussd.pages import Footer, fits, paginate, plain

TOKEN = "1234 5678 9012 3456 7890"
FOOTERS = {
    "en": "98 More 0 Back 00 Home",
    "sw": "98 Zaidi 0 Rudi 00 Mwanzo",
    "fr": "98 Suite 0 Retour 00 Accueil",
    "zh": "98 更多 0 返回 00 主页",
}
WORDS = {
    "en": ["Energy 13,587", "Pay", "{x}", "account", "€5", "a" * 50],
    "sw": ["Nunua umeme", "salio", "Ada ya huduma 3,360", "mita"],
    "fr": ["déjà acheté", "crédit", "compteur", "à payer"],
    "zh": ["购电", "您的代码也会以短信发送", "电表 04123456784", "余额", "😀"],
}
TOKENS = [TOKEN, TOKEN.replace(" ", ""), TOKEN.replace(" ", "-"), f"Token:{TOKEN}", f"代码{TOKEN}"]


def footer_of(language: str) -> Footer:
    def footer(number: int, last: bool) -> str:
        return FOOTERS[language][3 if last else 0 :]

    return footer


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("a" * 160, True),
        ("a" * 161, False),
        ("€" * 80, True),  # two septets each
        ("€" * 80 + "a", False),
        ("电" * 70, True),
        ("电" * 71, False),
        ("😀" * 35, True),  # two units each
        ("😀" * 35 + "a", False),
    ],
)
def test_what_one_message_carries(text: str, yes: bool) -> None:
    assert fits(text) is yes


def test_a_short_screen_is_one_page() -> None:
    assert paginate("Demo Power\n1 Buy", lambda *_: "") == ("Demo Power\n1 Buy",)


def test_an_option_is_not_cut_but_moved() -> None:
    options = [f"{number} some option of the menu" for number in range(1, 8)]
    first, second = paginate(
        "\n".join(["x" * 30, *options]), lambda _, last: "End" if last else "98"
    )
    assert first.split("\n") == ["x" * 30, *options[:4], "98"]
    assert second.split("\n") == [*options[4:], "End"]


def test_a_footer_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        paginate("a" * 300, lambda *_: "b" * 160)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Votre crédit à payer", "Votre crédit à payer"),  # é and à are GSM
        ("Êtes-vous sûr ? Ça coûte 5 €…", "Etes-vous sur ? Ça coute 5 €..."),
        ("l’œuvre", "l'oeuvre"),
        ("Nguyễn Đặng", "Nguyen Đang"),
        ("电表？", "电表？"),
        ("a\x00b\x1bc\ud800", "abc"),
    ],
)
def test_latin_letters_become_plain(text: str, expected: str) -> None:
    assert plain(text) == expected


@st.composite
def screens(draw: st.DrawFn) -> tuple[str, str]:
    language = draw(st.sampled_from(sorted(FOOTERS)))
    words = st.sampled_from(WORDS[language] + TOKENS) | st.text("ab1 电é€", max_size=90)
    lines = st.lists(words, min_size=1, max_size=6).map(" ".join)
    return language, "\n".join(draw(st.lists(lines, min_size=1, max_size=12)))


@given(screens())
@settings(max_examples=150, deadline=None)
def test_every_page_fits_nothing_is_lost_and_no_token_is_cut(screen: tuple[str, str]) -> None:
    language, body = screen
    footer = footer_of(language)
    pages = paginate(body, footer)
    shown = []
    for number, page in enumerate(pages):
        assert fits(page)
        foot = footer(number, number == len(pages) - 1)
        assert page.endswith(foot)
        shown.append(page.removesuffix(foot))
    assert "".join("".join(shown).split()) == "".join(body.split())
    whole = re.compile(r"(?<!\d)1234[ -]?5678[ -]?9012[ -]?3456[ -]?7890(?!\d)")
    assert sum(len(whole.findall(page)) for page in shown) == len(whole.findall(body))
