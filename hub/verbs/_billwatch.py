"""Bill runs on the bulk lane of a running hub: start a phase, then watch how far it is."""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Protocol

from rich.console import Console
from rich.progress import Progress, TaskID

from core.billing import runs
from core.billing.states import PHASES, RunMove
from core.store.tx import Reader, StoreError
from hub.billdesk import CALCULATE, troubles, under_way
from hub.config import Config
from hub.verbs._shared import ask_hub, die, hub_answers, reader_store

#: How often the books are looked at, and how many looks lie between two at the hub itself.
LOOK_S, LOOKS = 0.2, 20


class Reads(Protocol):
    """A store that is read from."""

    def reader(self) -> Any:
        """A reader, as a context."""


def start(config: Config, company: str, number: int, what: str) -> RunMove:
    """Put a phase of a run on the bulk lane of the running hub; the phase. Exit 1 for a no."""
    request = {"do": "bill-phase", "company": company, "run": number, "what": what}
    key = f"billrun/{number}/{what}/{uuid.uuid4()}"
    reply = ask_hub(config, {**request, "key": key}, "start it again: what is done stays done")
    answer = reply["answer"]
    if answer is not None and answer["outcome"] != "done":
        die(str(answer.get("args", {}).get("what", answer)))
    return RunMove(reply["phase"])


@dataclass(slots=True)
class _Bars:
    """A bar for each phase that has been seen."""

    progress: Progress
    tasks: dict[RunMove, TaskID] = field(default_factory=dict)

    def show(self, reader: Reader, number: int, phase: RunMove) -> None:
        tally = runs.tally(reader, number)
        of = sum(tally.partitions.values())
        for each in [*self.tasks, phase]:
            if each not in self.tasks:
                self.tasks[each] = self.progress.add_task(each.value, total=of)
            done = runs.ended(reader, number, each)
            self.progress.update(self.tasks[each], completed=done, refresh=True)


def watch(config: Config, company: str, number: int, what: str, phase: RunMove) -> None:
    """Until nothing of the run is on the bus any more. Exit 1 when some of it has given up, or the
    hub has gone; Ctrl-C only ends the watching."""
    store: Reads = reader_store(config)
    with Progress(console=Console(stderr=True), auto_refresh=False) as progress:
        bars, looks = _Bars(progress), 0
        while _look(store, bars, (company, number, what), phase):
            looks += 1
            if looks % LOOKS == 0 and not hub_answers(config):
                die(f"the hub has gone; run {number} goes on by itself when it is back")
            time.sleep(LOOK_S)


def _look(store: Reads, bars: _Bars, of: tuple[str, int, str], phase: RunMove) -> bool:
    """One look; whether there is more to come."""
    company, number, what = of
    try:
        with store.reader() as reader:
            busy, wrong = under_way(reader, company, number), troubles(reader, company, number)
            state = runs.run_of(reader, number).state
            shown = phase
            if what == CALCULATE and state != PHASES[RunMove.FREEZE][0].value:
                shown = RunMove.CALCULATE
            for each in dict.fromkeys((phase, shown)):
                bars.show(reader, number, each)
    except StoreError as error:
        die(f"the database does not answer: {error}; the hub goes on with run {number}")
    if wrong and not busy:
        die(
            f"run {number} cannot go on: {wrong[0]} (wattbus deadletters list; then start it again)"
        )
    return busy
