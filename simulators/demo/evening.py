"""The evening around the story: a folder, the play, time to play oneself, and clearing up."""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TextIO

from simulators.demo.expected import Expected
from simulators.demo.house import House
from simulators.demo.people import BAKERY, HOME, with_operators
from simulators.demo.play import Played, play
from simulators.demo.show import Show

#: How often it is looked whether the hub still lives while the reader plays.
LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """``once`` ends after the story, ``slow`` paces it, ``keep`` leaves the folder behind."""

    once: bool = False
    slow: bool = False
    keep: bool = False


def evening(options: Options, out: TextIO, expected: Expected | None = None) -> Played:
    """Play in a folder of its own. Children are ended and the folder goes, whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="wattbus-demo-"))
    house = House(folder, edit=with_operators)
    show = Show(out, options.slow, out.isatty())
    before = signal.signal(signal.SIGTERM, _interrupted)
    try:
        played = play(house, show, expected)
        _tell_result(show, played)
        if not options.once and not played.failed:
            _invite(show, house)
            _stay(house, played)
    except KeyboardInterrupt:
        show.plain("\nGood night.")
        played = Played()
    finally:
        signal.signal(signal.SIGTERM, before)
        house.close()
        if options.keep:
            show.plain(f"The folder stays: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return played


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _tell_result(show: Show, played: Played) -> None:
    if played.failed:
        return
    times = ", ".join(f"{act['act']}: {act['seconds']:.1f} s" for act in played.acts)
    show.plain(
        f"\nThe story is told: {played.checks} checks, all right."
        f" First token {played.first_token_s:.1f} s after the hub's start. Acts {times}."
    )


def _wattbus() -> str:
    """How the reader calls this very Wattbus."""
    beside = Path(sys.executable).with_name("wattbus")
    if not beside.exists():
        return f"{sys.executable} -m hub"
    here = Path.cwd()
    return os.path.relpath(beside, here) if beside.is_relative_to(here) else str(beside)


def _invite(show: Show, house: House) -> None:
    me, config = _wattbus(), f"-c {house.config_file}"
    phone = f"{me} simulate phone --smsc 127.0.0.1:{house.control_port} --ussd {house.ussd_url}"
    base = f"http://127.0.0.1:{house.http_port}"
    show.plain(
        f"""
The hub stays up until Ctrl-C. In another terminal:

  take the customer's phone      {phone} --msisdn {HOME.msisdn}
    dial *123#, or send BUY {HOME.meter} 5000, BALANCE, LAST, HELP;
    for another's meter: BUY {BAKERY.meter} 5000 (you are asked first:
    send YES and the four digits of that text)
  the bakery's, with a purse     {phone} --wallet 127.0.0.1:{house.purse_control}
    --msisdn {BAKERY.msisdn}: pay by MTN MoMo, its PIN is 1234
  a stranger's                   {phone} --msisdn +256772000010
  what happened to a meter       {me} find {HOME.meter} {config}
  that nothing is lost           {me} balance {config}
  more money                     {me} pay {HOME.account} 20000 {config}
  the meter's keypad             {me} simulate meter --drn {HOME.meter}
  its state and figures          {base}/readyz  {base}/metrics
  the configuration, the logs    {house.config_file}  {house.folder}/hub.log
"""
    )


def _stay(house: House, played: Played, sleep: Callable[[float], None] = time.sleep) -> None:
    """Until Ctrl-C, or until the hub ends by itself, which is a failure."""
    hub = house.hub
    assert hub is not None, "the hub was started"
    while hub.alive():
        sleep(LOOK_S)
    played.failed = f"the hub ended by itself with {hub.process.returncode}"
