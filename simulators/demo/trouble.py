"""Acts 7 and 8: the plug is pulled in the middle of a sale; what must be refused is refused."""

import signal

from core.sts.meter_state import Result
from hub import balance
from simulators.demo.children import until
from simulators.demo.keypad import keyed_in
from simulators.demo.money import credit_of, pay_in, settled
from simulators.demo.people import HOME, MILL, MISTYPED, SCHOOL, STRANGER
from simulators.demo.reading import receipt_in, token_in
from simulators.demo.stage import SMS_S, Stage

#: The process is killed here: the purchase is on disk, and nobody has been told.
TRAP = "journal.after-commit"
#: The network comes back to a hub that was away within this time.
BACK_S = 20.0


def pull_the_plug(stage: Stage) -> None:
    """Act 7: the school's older meter (EA07) buys."""
    house, phone, sale = stage.house, stage.phone(SCHOOL), stage.expected.school
    pay_in(stage, SCHOOL, stage.expected.received_school)
    settled(stage)
    stage.says("operator", f"sets a trap: kill -9 at {TRAP}, the very next time")
    house.trap.touch()
    sent = stage.sends(phone, f"BUY {SCHOOL.meter} {sale.tender}")
    hub = house.hub
    assert hub is not None, "the hub was started"
    until(lambda: not hub.alive(), SMS_S, "the hub is killed")
    stage.says("hub", "killed (-9): the purchase is on disk, and nobody has been told")
    stage.same("how the hub ended", -signal.SIGKILL, hub.process.returncode, quiet=True)
    stage.same("sales so far", 0, _sales(stage))
    with house.reading() as reader:
        lines = balance.lines(reader)
    stage.same("accepted and not done", 1, sum(line.pending for line in lines))
    stage.same("unaccounted", 0, sum(line.unaccounted for line in lines))
    house.trap.unlink()
    took = house.start_hub()
    stage.says("operator", f"wattbus run: up again after {took:.1f} s")
    text = stage.reads_sms(phone)
    stage.shows_sale("the SMS", sale, text)
    phone.delivered(sent, BACK_S)
    stage.says("network", "had no answer and has delivered the text again")
    _once(stage, text)
    keyed_in(stage, SCHOOL, token_in(text), Result.ACCEPT)


def _once(stage: Stage, text: str) -> None:
    settled(stage)
    stage.same("sales", 1, _sales(stage))
    tokens = stage.house.rows(
        "SELECT count(*) FROM token t JOIN meter m ON m.id = t.meter_id WHERE m.drn = :drn",
        drn=SCHOOL.meter,
    )
    stage.same("tokens", [(1,)], tokens, quiet=True)
    stage.same("receipts", 1, len({receipt_in(sms.text) for sms in stage.phone(SCHOOL).inbox()}))
    stage.same("tokens by SMS", 1, len(stage.phone(SCHOOL).inbox()))
    stage.same("its digits are those of the sale", _digits(stage), token_in(text), quiet=True)


def _digits(stage: Stage) -> str:
    ((digits,),) = stage.house.rows(
        "SELECT t.digits FROM token t JOIN meter m ON m.id = t.meter_id WHERE m.drn = :drn",
        drn=SCHOOL.meter,
    )
    return " ".join(digits[at : at + 4] for at in range(0, 20, 4))


def _sales(stage: Stage) -> int:
    rows = stage.house.rows(
        "SELECT count(*) FROM sale s JOIN meter m ON m.id = s.meter_id WHERE m.drn = :drn",
        drn=SCHOOL.meter,
    )
    return int(rows[0][0])


def what_must_be_refused(stage: Stage) -> None:
    """Act 8."""
    before = credit_of(stage, HOME)
    _mistyped(stage)
    _blocked(stage)
    _stranger(stage)
    settled(stage)
    stage.same("credit of account 100001, untouched", before, credit_of(stage, HOME))


def _mistyped(stage: Stage) -> None:
    phone = stage.phone(HOME)
    stage.dials(phone)
    stage.chooses(phone, "Buy units")
    stage.chooses(phone, "Another meter")
    screen = stage.types(phone, MISTYPED)
    stage.says_all("the screen", stage.expected.refusals["check digit"], screen.text)
    # a menu that is left in the middle is offered again: the reader's first dial shall begin anew
    stage.says_all("the screen", ("Buy units",), stage.types(phone, "00").text)
    phone.hang_up()


def _blocked(stage: Stage) -> None:
    phone = stage.phone(HOME)
    stage.sends(phone, f"BUY {MILL.meter} 5000")
    text = stage.reads_sms(phone)
    stage.says_all("the SMS", stage.expected.refusals["blocked"], text)


def _stranger(stage: Stage) -> None:
    phone = stage.house.phone(STRANGER)
    stage.says("customer", f"a stranger's phone, {STRANGER}")
    stage.dials(phone)
    stage.chooses(phone, "Whose meter")
    screen = stage.types(phone, HOME.meter)
    stage.says_all("the screen", stage.expected.refusals["stranger"], screen.text)
    stage.same("the name itself is not shown", False, HOME.holder in screen.text, quiet=True)
