"""Act 4: the meter takes the digits, once."""

import time
from concurrent.futures import ThreadPoolExecutor

from core.sts.meter_state import Result
from simulators.demo.people import HOME, Household
from simulators.demo.reading import tenths
from simulators.demo.stage import Stage
from simulators.meter.device import display


def keyed_in(stage: Stage, household: Household, token: str, result: Result) -> None:
    """Type a token into the household's meter; it must answer ``result``."""
    meter = stage.meters[household.meter]
    stage.says("customer", f"types {token} into meter {household.meter}")
    reaction = meter.enter(token, time.time_ns() // 1_000)
    stage.says("meter", display(reaction, meter))
    stage.same("the meter's answer", str(result), str(reaction.result))


def the_meter(stage: Stage) -> None:
    """Act 4."""
    token = stage.seen["token"]
    wrong = token[:-1] + str((int(token[-1]) + 1) % 10)
    keyed_in(stage, HOME, token, Result.ACCEPT)
    register = stage.meters[HOME.meter].tenths
    stage.same("kWh in the meter", tenths(stage.expected.register), tenths(register))
    keyed_in(stage, HOME, token, Result.USED)
    keyed_in(stage, HOME, wrong, Result.CRC)
    stage.same("kWh in the meter", tenths(stage.expected.register), tenths(register), quiet=True)
    _in_words(stage, token, wrong)


def _in_words(stage: Stage, token: str, wrong: str) -> None:
    """The support desk asks the command line about the three."""
    asked = (
        ("when it was new", (token,), ("28.1 kWh",), 0),
        ("when it was used", (token, "--entered", token), ("UsedError",), 1),
        ("with a wrong digit", (wrong,), ("CRCError",), 1),
    )
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = pool.map(
            lambda ask: stage.house.wattbus("token", "decode", "--meter", HOME.meter, *ask[1]),
            asked,
        )
        for (when, arguments, fragments, status), answer in zip(asked, answers, strict=True):
            stage.says("operator", f"wattbus token decode {arguments[0]} …  ({when})")
            stage.says("wattbus", answer.stdout.strip() or answer.stderr.strip())
            stage.says_all("in words", fragments, answer.stdout)
            stage.same("the exit status", status, answer.returncode, quiet=True)
