"""The real processes: the hub is killed between paid and vended, and vends once when it is back."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from simulators.demo.children import until
from simulators.demo.house import House
from simulators.demo.purse import PIN
from simulators.demo.reading import token_in
from simulators.phone.line import ControlLine
from tests.journeys.town import SOON_S, Town, as_digits

pytestmark = pytest.mark.slow
#: The purchase is decided, and nothing of it is committed.
TRAP = "worker.before-commit"


@pytest.fixture
def house() -> Iterator[House]:
    """A hub, its network, and a provider whose payers have numbers of his."""
    folder = Path(tempfile.mkdtemp(prefix="wb-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        made = House(folder)
        stack.callback(made.close)
        made.start_smsc()
        made.start_purse()
        made.build()
        wallets = folder / "wallets.yaml"
        served = wallets.read_text("utf-8").replace('["25676"]', '["25676", "25677"]')
        wallets.write_text(served, "utf-8")
        made.network_is_up()
        made.start_hub(failpoint=TRAP)
        yield made


def test_a_hub_that_is_killed_between_paid_and_vended_vends_once(house: House) -> None:
    town = Town(house)
    buyer = town.household(credit=0)
    phone, purse = town.phone(buyer), house.purse(buyer.msisdn)
    phone.dial()
    phone.choose("Buy units")
    phone.choose("Home")
    phone.answer("20000")
    assert "Do not pay twice" in phone.choose("Pay by MTN MoMo").text
    prompt = purse.wait_for_prompt(SOON_S)
    assert prompt is not None
    assert prompt.amount == 20_000
    until(lambda: states(house) == ["pending"], SOON_S, "the provider's answer is journaled")
    house.trap.touch()
    assert purse.answer(PIN) == "paid"
    hub = house.hub
    assert hub is not None
    until(lambda: not hub.alive(), SOON_S, "the hub is killed")
    assert hub.process.returncode == -signal.SIGKILL
    assert house.rows("SELECT count(*) FROM sale") == [(0,)]
    house.trap.unlink()
    house.start_hub()
    text = town.reads(buyer, 3 * SOON_S)
    assert as_digits(token_in(text)) != ""
    town.says_nothing_more(buyer)
    assert house.rows("SELECT count(*) FROM sale") == [(1,)]
    control = ControlLine("127.0.0.1", house.purse_control)
    moved = control.ask("status")["total"]
    control.close()
    ledger = house.rows(
        "SELECT CAST(sum(amount) AS BIGINT) FROM posting WHERE ledger = 'wallet:mtn'"
    )
    assert [(moved,)] == ledger == [(20_000,)]
    assert states(house) == ["applied"]
    town.books_are_right()


def states(house: House) -> list[str]:
    """Of every payment by wallet."""
    return [state for (state,) in house.rows("SELECT state FROM wallet_payment ORDER BY id")]
