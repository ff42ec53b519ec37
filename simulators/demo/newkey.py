"""Act 9: a meter whose minutes ran out in 2024 gets a new key with its next purchase."""

import time

from core.queries.key_changes import campaign_counts
from core.sts.keystore import DEMO_SGC04
from core.sts.meter_state import Result
from simulators.demo.house import COMPANY
from simulators.demo.money import pay_in
from simulators.demo.people import CLINIC, SUPERVISOR, TECHNICIAN
from simulators.demo.reading import tenths, tokens_in
from simulators.demo.stage import Stage
from simulators.meter.device import display

CAMPAIGN = "dkga04"


def a_new_key(stage: Stage) -> None:
    """Act 9: from the base date 1993 and DKGA02 to 2014 and DKGA04, by the customer's own hands."""
    phone, sale = stage.phone(CLINIC), stage.expected.clinic
    pay_in(stage, CLINIC, stage.expected.received_clinic)
    stage.sends(phone, f"BUY {CLINIC.meter} {sale.tender}")
    stage.says_all("the SMS", stage.expected.refusals["run out"], stage.reads_sms(phone))
    _campaign(stage)
    stage.sends(phone, f"BUY {CLINIC.meter} {sale.tender} AGAIN")
    text = stage.reads_sms(phone)
    stage.shows_sale("the SMS", sale, text)
    tokens = tokens_in(text)
    stage.same("tokens in one message", stage.expected.key_change_tokens + 1, len(tokens))
    _key_in(stage, tokens)
    _known(stage)


def _campaign(stage: Stage) -> None:
    old, new = f"{CLINIC.coding.sgc}/{CLINIC.coding.krn}", f"{DEMO_SGC04}/1"
    words = ("start", "--from", old, "--to", new, "--three-tokens", "--campaign", CAMPAIGN)
    campaign = ("keychange", *words, "--operator", SUPERVISOR, "--reason", "base date 2014")
    stage.says("operator", f"wattbus keychange {' '.join(words)}")
    _done(stage, "the request", "another operator must approve it", campaign)
    stage.says("operator", f"wattbus act approve 1 --operator {TECHNICIAN}")
    yes = ("act", "approve", "1", "--operator", TECHNICIAN)
    _done(stage, "the second person", f"campaign for campaign {CAMPAIGN}: done", yes)
    stage.says("operator", "the same command again: the campaign begins")
    _done(stage, "the campaign", "a key change is needed by 1", campaign)


def _done(stage: Stage, what: str, words: str, command: tuple[str, ...]) -> None:
    answer = stage.house.wattbus(*command)
    stage.says("wattbus", answer.stdout.strip() or answer.stderr.strip())
    stage.says_all(what, (words,), answer.stdout)
    stage.same("its exit status", 0, answer.returncode, quiet=True)


def _key_in(stage: Stage, tokens: list[str]) -> None:
    meter, now = stage.meters[CLINIC.meter], time.time_ns() // 1_000
    *parts, credit = tokens
    stage.says("customer", f"types the last one first into meter {CLINIC.meter}")
    stage.same("the meter's answer", Result.CRC, meter.enter(credit, now).result)
    stage.says("customer", "types the others, mixed up, then the last one")
    answers = [str(meter.enter(digits, now).result) for digits in reversed(parts)]
    stage.same("the meter's answers", "3rdKCT, 2ndKCT, Accept", ", ".join(answers))
    reaction = meter.enter(credit, now)
    stage.says("meter", display(reaction, meter))
    stage.same("the meter's answer", Result.ACCEPT, reaction.result)
    stage.same("kWh in the meter", tenths(stage.expected.clinic.units), tenths(meter.tenths))
    look = meter.look()
    stage.same("its supply group", (DEMO_SGC04, 1), (look["sgc"], look["krn"]))


def _known(stage: Stage) -> None:
    with stage.house.reading() as reader:
        (count,) = campaign_counts(reader, COMPANY, CAMPAIGN)
    stage.same("the campaign", ("issued", 1), (count.state, count.meters))
    stage.says("operator", "the customer called: there is light; so the new key is in the meter")
    words = ("confirm", CLINIC.meter, "--how", "customer", "--operator", TECHNICIAN)
    answer = stage.house.wattbus("keychange", *words, "--reason", "called: there is light")
    stage.says("wattbus", answer.stdout.strip() or answer.stderr.strip())
    stage.same("the key change", f"meter {CLINIC.meter}: confirmed", answer.stdout.strip())
