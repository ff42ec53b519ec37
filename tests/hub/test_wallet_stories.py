"""``find`` of money by wallet: from every end the whole way, from the wish to the token."""

from pathlib import Path
from typing import Any

from hub.storywords import Lens, headline
from hub.timeline import find
from tests.core.wallets.payer import Purse, asked, paid, purse, says, vend
from tests.core.wallets.purse import pay_in
from tests.hub.machine import METER, PHONE
from tests.hub.test_timeline import BIG_SCAN, explaining

LENS = Lens("Africa/Kampala", "UGX")
HOUR = 3_600_000_000


def heard(machine: Purse, reference: str, message: Any, key: str) -> None:
    """A report as the wallet's channel journals it, long after the ask was handled."""
    machine.time.at_us += HOUR // 60
    ((wish,),) = machine.rows("SELECT correlationid FROM message WHERE party = :p", p=PHONE)[:1]
    machine.do(message, key, ref=f"wallet/{reference}", correlation=wish)


def look(machine: Purse, typed: str) -> list[str]:
    with machine.store.reader() as reader:
        stories = find(reader, "demo", "256", typed, 20).stories
    return [headline(story, LENS) for story in stories]


def test_a_purchase_by_wallet_is_one_story_from_every_end(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    reference = asked(machine)
    heard(machine, reference, says(reference, "pending"), "pending")
    heard(machine, reference, paid(reference, "R1"), "paid")
    ((digits,),) = machine.rows("SELECT digits FROM token")
    for typed in (PHONE, METER, "100001", "R1", "W-000001", "DP-00000001", digits):
        (words,) = [each for each in look(machine, typed) if "to be asked" in each]
        assert words.startswith(
            "was to be asked for 20,000 UGX for meter 04123456784, as W-000001; "
            f"airtel was told to ask {PHONE}; airtel reported the payment as pending; "
            "airtel reported the payment as paid, 20,000 UGX, receipt R1; bought 28.1 kWh for "
            "20,000 UGX for meter 04123456784 from account 100001, receipt DP-00000001, "
            f"token **** {digits[-4:]}; token sent by SMS to {PHONE}"
        ), (typed, words)


def test_what_was_declined_is_found_by_phone_and_meter(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    reference = str(machine.do(vend(), "wish", ref="account/100001").data["reference"])
    heard(machine, reference, says(reference, "failed", reason="declined"), "failed")
    for typed in (PHONE, METER, "W-000001"):
        (words,) = [each for each in look(machine, typed) if "to be asked" in each]
        assert "airtel reported the payment as failed (declined)" in words, (typed, words)


def test_money_that_came_by_itself_is_found_by_its_payer_and_no_table_is_scanned(
    tmp_path: Path,
) -> None:
    machine = purse(tmp_path)
    came = pay_in(20_000, receipt="R2", wallet="airtel", payer=PHONE.removeprefix("+"))
    machine.do(came, "came", ref="wallet/R2")
    (words,) = [each for each in look(machine, PHONE) if "brought" in each]
    assert "airtel brought 20,000 UGX, receipt R2" in words
    assert "bought 28.1 kWh for 20,000 UGX for meter 04123456784" in words
    for typed in (PHONE, METER, "R2", "W-000001"):
        with explaining(machine) as reader:
            find(reader, "demo", "256", typed, 20)
        assert [plan for plan in reader.plans if BIG_SCAN.match(plan[0])] == [], typed
