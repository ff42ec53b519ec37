"""A utility moves its key into a PKCS#11 token and sells on; the token goes away and comes back."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.sts.keystore import DEMO_SGC04, DEMO_VK04, key_check_value
from simulators.demo.children import until
from tests.journeys.town import SOON_S, Town, buys, figures, token_in
from tests.servers import softhsm

pytestmark = pytest.mark.slow

CUSTODIANS = """
[operators.anna]
roles = ["key-custodian"]

[operators.ben]
roles = ["key-custodian"]
"""
GROUP = """
[companies.demo.supply_groups.{sgc}]
module = "box"
require_hardware_module = true

[modules.box]
kind = "pkcs11"
library = "{library}"
token = "wattbus"
pin_file = "box.pin"
"""


def moved_into_the_token(town: Town, library: str) -> None:
    """The configuration first, then two people, then the hub starts again."""
    house = town.house
    (house.folder / "box.pin").write_text(softhsm.PIN)
    with house.config_file.open("a") as file:
        file.write(GROUP.format(sgc=DEMO_SGC04, library=library))
    missing = house.wattbus("check")
    assert missing.returncode == 1, "the key is not in the token yet"
    assert "has no key 'wattbus demo SGC 201457" in missing.stderr
    key = ("--sgc", DEMO_SGC04, "--krn", "1", "--record", str(house.folder / "keys.json"))
    kcv = key_check_value("04", DEMO_VK04)
    anna = ("--operator", "anna", "--reason", "keys belong in hardware")
    steps = [
        ("import", *key, *anna),
        ("approve", "1", "--check-value", kcv, "--operator", "ben"),
    ]
    for step in steps:
        done = house.wattbus("keys", *step)
        assert done.returncode == 0, done.stderr
    assert house.hub is not None
    assert house.hub.stop() == 0
    house.start_hub()
    (record,) = [
        each
        for each in json.loads((house.folder / "keys.json").read_text())["keys"]
        if each["sgc"] == DEMO_SGC04
    ]
    assert (record["kcv"], record["wrapped"]) == (kcv, "")


def postponed(town: Town) -> int:
    """Sales that wait for their module."""
    rows = town.house.rows(
        "SELECT count(*) FROM delivery WHERE handler = 'vending.credit-vend' "
        "AND error_class = 'module'"
    )
    return int(rows[0][0])


@pytest.mark.parametrize("engine", ["sqlite", "rabbitmq"])
def test_selling_with_keys_in_a_token(
    open_town: Callable[..., Town], engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOFTHSM2_CONF", "")  # what start sets is taken back
    library = softhsm.start(tmp_path).library
    town = open_town(edit=lambda text: text + CUSTODIANS, engine=engine)
    first, *others = (town.household() for _ in range(4))
    buys(town, first, 20_000)  # the key is in the key file
    before = figures(town.reads(first))
    moved_into_the_token(town, library)
    buys(town, others[0], 20_000)
    text = town.reads(others[0])
    assert figures(text) == before
    assert town.meter_takes(others[0], token_in(text)) == 281

    tokens = tmp_path / "tokens"
    gone = tokens.rename(tmp_path / "gone")
    waiting = others[1:]
    for buyer in waiting:
        buys(town, buyer, 20_000)
    until(lambda: postponed(town) == len(waiting), SOON_S, "the sales wait for their module")
    for buyer in waiting:
        assert town.phone(buyer).next_sms(0.1) is None, "nobody hears a no"
        assert town.sales_of(buyer) == []
    gone.rename(tokens)
    for buyer in waiting:
        text = town.reads(buyer)
        assert town.meter_takes(buyer, token_in(text)) == 281
    town.says_nothing_more(first, *others)
    assert [len(town.sales_of(buyer)) for buyer in (first, *others)] == [1, 1, 1, 1]
    town.books_are_right()
    proof = town.house.wattbus("check", "--tokens")
    assert proof.returncode == 0, proof.stdout + proof.stderr
