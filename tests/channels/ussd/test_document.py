"""A menu or a sheet that is wrong says what, on which line, and what is allowed."""

from importlib import resources
from pathlib import Path

import pytest

from channels.ussd.document import OUTCOMES
from channels.ussd.journeys import load_menu
from channels.ussd.service import load_folder
from channels.ussd.texts import allowed_args, load_sheets
from core.documents import DocumentError

FOLDER = resources.files("mappings") / "ussd"
MENU = (FOLDER / "electricity.yaml").read_text("utf-8")
ENGLISH = (FOLDER / "texts" / "en.yaml").read_text("utf-8")


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_the_menus_that_come_with_wattbus_are_right() -> None:
    menu, sheets = load_folder("electricity")
    assert sorted(sheets) == sorted(menu.languages) == ["en", "fr", "sw", "zh"]
    assert len(menu.journeys) >= 15


@pytest.mark.parametrize(
    ("was", "becomes", "line", "says"),
    [
        ("go: choose-meter}", "go: chose-meter}", "chose-meter}", "no screen 'chose-meter'"),
        ("start: home\n", "start: house\n", "start: house", "no screen 'house'"),
        ("do: last-tokens}", "do: last-token}", "do: last-token}", "did you mean 'last-tokens'"),
        ("    prompt: {kind: amount,", "    prompt: {kind: money,", "kind: money", "meter, amount"),
        ("quoted: quote\n", "quoted: sold\n", "quoted: sold", "must be marked 'confirm'"),
        ("refused: refused\n    fault: fault\n  buy", "refused: refused\n  buy",
         "  quote:\n    quoted", "'quote' can end 'fault': no screen"),
        ("sold: sold\n", "sold: sold\n    paid: sold\n", "paid: sold", "no such outcome"),
        ("{text: holder.no, go: home}", "{text: holder.no, do: buy}", "{text: holder.no, do: buy}",
         "only from a screen marked 'confirm'"),
        ("{text: holder.no, go: home}", "{text: holder.no, go: quote}",
         "{text: holder.no, go: quote}", "only an outcome of quote or buy leads there"),
        ("{text: holder.no, go: home}", "{text: holder.no}", "{text: holder.no}", "either 'go' or"),
        ("  late: {end: true}", "  late: {end: true, options: [{text: holder.no, go: home}]}",
         "  late: {end", "asks nothing"),
        ("  register: {end: true}", "  register: {end: true}\n  spare: {end: true}", "  spare:",
         "nothing leads to this screen"),
        ("screen: sold}", "screen: quote}", "- {name: paid", "ends at 'sold', not at 'quote'"),
        ("outcomes: [listed]", "outcomes: [quoted]", "- {name: my tokens",
         "cannot end with 'quoted'"),
    ],
)  # fmt: skip
def test_a_wrong_menu_names_its_line(was: str, becomes: str, line: str, says: str) -> None:
    assert MENU.count(was) >= 1
    wrong = MENU.replace(was, becomes, 1)
    with pytest.raises(DocumentError) as caught:
        load_menu(wrong, "ussd/electricity.yaml")
    text = str(caught.value)
    assert says in text
    assert f"ussd/electricity.yaml:{line_of(wrong, line)}: " in text


@pytest.mark.parametrize(
    ("was", "becomes", "line", "says"),
    [
        ("  home.buy: Buy units\n", "", "texts:\n", "the text 'home.buy' is missing"),
        ("  home.buy: Buy units\n", "  home.buy: Buy units\n  home.sell: Sell\n", "home.sell",
         "no screen needs this text"),
        ("Buy units", "Buy {units}", "home.buy", "{units} is not known here"),
        ("Buy units", '"Buy [units"', "home.buy", "not closed"),
        ("nav.more: More", "nav.more: Show me the next page of this", "nav.more", "more than 34"),
        ("language: en\n", "", "mapping:", "'language' is missing"),
    ],
)  # fmt: skip
def test_a_wrong_sheet_names_its_line(was: str, becomes: str, line: str, says: str) -> None:
    menu, _ = load_folder("electricity")
    wrong = ENGLISH.replace(was, becomes, 1)
    assert wrong != ENGLISH
    with pytest.raises(DocumentError) as caught:
        load_sheets([("ussd/texts/en.yaml", wrong)], menu)
    found = [each for each in str(caught.value).split("\n") if says in each]
    assert found
    assert found[0].startswith(f"ussd/texts/en.yaml:{line_of(wrong, line)}: ")


def test_a_language_without_texts_is_named() -> None:
    menu, _ = load_folder("electricity")
    with pytest.raises(DocumentError, match="no texts for 'sw'"):
        load_sheets([("ussd/texts/en.yaml", ENGLISH)], menu)


def test_a_folder_of_an_installation_is_read(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    mine = MENU.replace("[en, sw, fr, zh]", "[en, zz]")
    (tmp_path / "mine.yaml").write_text(mine, "utf-8")
    for language in ("en", "zz"):
        sheet = ENGLISH.replace("language: en", f"language: {language}")
        (tmp_path / "texts" / f"{language}.yaml").write_text(sheet, "utf-8")
    menu, sheets = load_folder("mine", tmp_path)
    assert menu.languages == ("en", "zz")
    assert list(sheets) == ["en", "zz"]


def test_a_text_may_show_only_what_every_way_to_it_knows() -> None:
    menu, _ = load_folder("electricity")
    allowed = allowed_args(menu)
    assert "token" in allowed["token-again"]  # kept along the option of 'earlier'
    assert "lines" not in allowed["token-again"]  # the outcome 'earlier' promises none
    assert {"account", "credit"} <= allowed["quote.pay"]
    assert "meter" not in allowed["enter-meter"]


def test_the_closed_list_of_actions_is_the_one_that_runs() -> None:
    from channels.ussd.actions import _RUN

    assert set(OUTCOMES) - {"continue"} == set(_RUN)
