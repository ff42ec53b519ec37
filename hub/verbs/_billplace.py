"""Where bill runs are worked on from the command line: beside a running hub, or without one."""

import getpass
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import Progress

from core.billing import runs
from core.billing.shapes import BillingError
from core.billing.states import RunMove, WrongMoveError
from core.store.tx import Reader, StoreError
from core.store.upgrade import is_sqlite
from core.vending.act_kinds import Role
from hub.billacts import ACTS, Work, perform
from hub.billdesk import ISSUE, phase_of
from hub.billphases import Books
from hub.billruns import books_of, open_desk, run_phase
from hub.clock import Sources
from hub.config import Config
from hub.control import ControlError
from hub.engine import EngineError
from hub.operators import Identity
from hub.verbs._billwatch import start, watch
from hub.verbs._shared import (
    ask_hub,
    company_of,
    configuration,
    die,
    hub_answers,
    operator_name,
    passphrase,
    reading,
)

#: Who writes the chain of the audit trail where no hub does.
WRITER = "billrun"


@contextmanager
def told() -> Iterator[None]:
    """What cannot be done is said in a sentence, exit 1."""
    try:
        yield
    except (BillingError, WrongMoveError, EngineError, ControlError) as error:
        die(str(error))
    except StoreError as error:
        die(f"the database does not answer, or refuses: {error}")


@dataclass(frozen=True, slots=True)
class Place:
    """The configuration and the company that a verb is about."""

    settings: Config
    company: str

    def books(self) -> Books:
        """The company's books. Exit 2 when a tariff cannot be read."""
        try:
            return books_of(self.settings, self.company, Sources().now_us)
        except (OSError, ValueError) as error:
            die(str(error), 2)

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Look at the books, beside a running hub or without one."""
        with told(), reading(self.settings) as reader:
            yield reader

    def do(
        self, name: str, what: msgspec.Struct, operator: str = "", key: str = ""
    ) -> dict[str, Any]:
        """An act, once under a key: by the hub where only it may write (SQLite, and one runs), else
        here."""
        who, secret = self._who(operator, ACTS[name].role)
        if is_sqlite(self.settings.database_url()) and hub_answers(self.settings):
            request = {
                "do": "bill-act",
                "company": self.company,
                "act": name,
                "operator": who,
                "key": key,
            }
            return ask_hub(
                self.settings, {**request, "secret": secret, "data": msgspec.to_builtins(what)}
            )
        books = self.books()
        with told(), closing(open_desk(books)) as desk, desk.transaction() as (tx, draw):
            actor = f"{who} via {getpass.getuser()}"
            return perform(name, what, Work(tx, draw, books, who, actor, WRITER), key)

    def _who(self, operator: str, role: Role | None) -> tuple[str, str]:
        """Who asks, and his passphrase: one of the configuration's operators, with the role.

        A test company without operators takes a name for it.
        """
        settings, name = self.settings, operator_name(operator)
        if role is None or (settings.companies[self.company].test and not settings.operators):
            return name, ""
        secret = passphrase(settings, name)
        with told():
            Identity.of(settings).vouch(name, secret, self.company, role)
        return name, secret


def place_of(config: Path, company: str) -> Place:
    """The company that was named, or the only one."""
    settings = configuration(config)
    return Place(settings, company_of(settings, company))


def carry_out(place: Place, number: int, what: str, workers: int) -> str:
    """Run or issue: by the bulk lane of the running hub, else with processes of our own. What is to
    be said of it, if anything."""
    if hub_answers(place.settings):
        phase = start(place.settings, place.company, number, what)
        watch(place.settings, place.company, number, what, phase)
        return ""
    done, books = 0, place.books()
    with place.reading() as reader:
        state = runs.run_of(reader, number).state
    with told():
        begin = phase_of(state, what)
    for phase in (begin, RunMove.CALCULATE) if begin is RunMove.FREEZE else (begin,):
        done = _with_bar(books, number, phase, workers)
    return f"{done} bills {'issued' if what == ISSUE else 'calculated'}"


def _with_bar(books: Books, number: int, phase: RunMove, workers: int) -> int:
    seen: dict[str, Any] = {}
    with told(), Progress(console=Console(stderr=True), auto_refresh=False) as bar:

        def watch(done: int, of: int) -> None:
            if "task" not in seen:
                seen["task"] = bar.add_task(phase.value, total=of)
            bar.update(seen["task"], completed=done, refresh=True)

        return run_phase(books, number, phase, workers or os.cpu_count() or 1, watch).bills
