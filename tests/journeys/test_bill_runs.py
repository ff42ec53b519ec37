"""A bill run beside a running hub, real processes: sales go on, who is killed costs nothing."""

import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.messages import CreditVend, Message, ReceivePayment, name_of
from core.store.invariants import offences
from core.store.upgrade import is_sqlite
from hub import balance
from hub.failpoints import BILL_POINTS
from simulators.demo.children import environment, last_words, until, wattbus
from simulators.demo.house import House
from simulators.demo.people import Household
from simulators.meter.device import Coding
from tests.core.billing import village
from tests.hub.machine import METER
from tests.journeys.conftest import POSTGRESQL, RABBITMQ, SQLITE, engine_edit

pytestmark = pytest.mark.slow

HOUSEHOLDS, SIZE = 90, 10
#: More tokens in a minute than these would run ahead of the clock.
SALES = 20
#: A busy machine; nothing here needs a tenth of it.
SOON_S = 60.0


@dataclass
class Place:
    """A hub over a village that is billed, and a household that buys all the while."""

    house: House
    stop: threading.Event = field(default_factory=threading.Event)
    outcomes: list[str] = field(default_factory=list)
    deaths: int = 0

    def verb(self, *words: str) -> Any:
        """What ``wattbus billrun`` says."""
        done = self.told(*words, "--json")
        assert done.returncode == 0, (done.stdout, done.stderr, last_words(self.log))
        return json.loads(done.stdout.splitlines()[-1])

    def told(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """The verb, with the patience that a run on a busy machine needs."""
        argv = wattbus("billrun", *words)
        return subprocess.run(
            argv, cwd=self.house.folder, env=environment({}), capture_output=True, text=True,
            timeout=2 * SOON_S, check=False,
        )  # fmt: skip

    def act(self, act: str, operator: str, **data: Any) -> Any:
        """What the hub says to an act, over its socket."""
        request = {"do": "bill-act", "company": "demo", "act": act, "operator": operator}
        return self.house.ask({**request, "data": data})

    @property
    def log(self) -> Path:
        assert self.house.hub is not None
        return self.house.hub.log

    def ended(self) -> int:
        """How many worker processes have ended so far."""
        return self.log.read_text(errors="replace").count("worker.ended")

    def settle_buyer(self) -> None:
        """Take on the household that buys."""
        buyer = Household("900001", "Okello Daniel", "+256772100001", "Home", Coding(METER))
        pays = ReceivePayment(account="900001", amount=40_000_000, currency="UGX")
        for told in buyer.enrolment(date.today().replace(day=1)), pays:
            key = name_of(told).name
            assert until(lambda m=told, k=key: self._outcome(m, k), SOON_S, key) == "done"

    def sell(self) -> None:
        """Purchases, then payments, each asked for until it is answered: the key makes it one."""
        number = 0
        while not self.stop.is_set():
            number += 1
            self.outcomes.append(until(lambda n=number: self._asked(n), SOON_S, "an answer"))

    def _asked(self, number: int) -> str:
        told: Message = CreditVend(
            meter=METER, tender=60_000 + number, currency="UGX", phone="+256772100001"
        )
        if number > SALES:
            told = ReceivePayment(account="900001", amount=number, currency="UGX")
        return self._outcome(told, f"live/{number}")

    def _outcome(self, told: Message, key: str) -> str:
        try:
            return str(self.house.submit(told, key).outcome)
        except (OSError, ValueError, msgspec.ValidationError):  # the hub is down, or knows not yet
            return ""

    def state(self) -> str:
        return str(self.house.rows("SELECT state FROM bill_run")[0][0])

    def comes_to(self, state: str) -> None:
        try:
            until(lambda: self.state() == state, SOON_S, f"the run is {state}")
        except TimeoutError as error:
            raise AssertionError(f"{error}, is {self.state()}: {last_words(self.log)}") from error

    def books_are_right(self) -> None:
        """Every bill and every sale once; nothing lost, nothing on its way or dead."""
        with self.house.reading() as reader:
            assert list(offences(reader, _dialect(self.house))) == []
            assert balance.unaccounted(reader) == 0
        once = "SELECT count(*), count(DISTINCT agreement_id) FROM bill"
        assert self.house.rows(once) == [(HOUSEHOLDS, HOUSEHOLDS)]
        live = len(self.outcomes)
        assert self.house.rows("SELECT count(*) FROM sale") == [(min(SALES, live),)]
        paid = self.house.rows("SELECT count(*) FROM payment")
        assert paid == [(min(1, live) + max(0, live - SALES),)]
        assert self.house.rows("SELECT count(*) FROM delivery WHERE lane = 1 AND state <> 4") == [
            (0,)
        ]


def _dialect(house: House) -> str:
    return "sqlite" if is_sqlite(house.config.database_url()) else "postgresql"


@pytest.fixture(params=[SQLITE, POSTGRESQL, RABBITMQ])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    """An installation with a postpaid village; its hub is not started."""
    edit = engine_edit(request.param, request)

    def edited(text: str) -> str:
        found = edit(text).replace('"uganda-domestic.yaml"', '"uganda-domestic.yaml", "v.yaml"')
        return found.replace("# workers = 0", "workers = 1\nbulk_workers = 2\n#")

    with ExitStack() as stack:
        # a short name: a Unix socket's path has a limit of 107 bytes
        folder = Path(tempfile.mkdtemp(prefix="wb-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        made = House(folder, edit=edited)
        stack.callback(made.close)
        made.build()
        (folder / "v.yaml").write_text(village.TARIFF)
        village.settle(made.config.database_url(), HOUSEHOLDS)
        yield made


@pytest.mark.parametrize("point", BILL_POINTS)
def test_who_is_killed_costs_nothing_and_sales_go_on(house: House, point: str) -> None:
    place = Place(house)
    house.start_hub(f"{point}@3", bound=False)
    place.settle_buyer()
    seller = threading.Thread(target=place.sell)
    seller.start()
    try:
        assert place.act("plan", "grace", period=202610, size=SIZE)["run"] == 1
        for words, state in ((("run", "1"), "validated"), (("issue", "1"), "issued")):
            place.deaths = place.ended()
            house.trap.touch()
            started = {"do": "bill-phase", "company": "demo", "run": 1, "what": words[0]}
            with suppress(ConnectionResetError):  # the hub may come to the point before it answers
                house.ask({**started, "key": words[0]})
            _died(place, point)
            place.comes_to(state)
            if state == "validated":
                place.act("approve", "henry", run=1)
    finally:
        place.stop.set()
        seller.join()
    assert set(place.outcomes) == {"done"}
    place.books_are_right()
    assert house.hub is not None
    assert house.hub.stop() == 0


def _died(place: Place, point: str) -> None:
    """Somebody came to the failpoint: the hub itself, which is started again, or a bulk worker."""
    house, hub = place.house, place.house.hub
    assert hub is not None
    if is_sqlite(house.config.database_url()):
        until(lambda: not hub.alive(), SOON_S, "the hub came to the failpoint")
        house.trap.unlink()
        house.start_hub(f"{point}@3", bound=False)
        return
    until(lambda: place.ended() > place.deaths, SOON_S, "a bulk worker was killed")
    house.trap.unlink()


@pytest.mark.parametrize("house", [SQLITE, POSTGRESQL], indirect=True)
def test_the_verbs_work_beside_the_hub(house: House) -> None:
    place = Place(house)
    house.start_hub(bound=False)
    usage = house.folder / "usage.csv"
    usage.write_text("agreement,first,last,source,estimated,units\n2,2026-10-01,2026-10-31,x,no,5")
    assert place.verb("usage", "2026-10", str(usage))["rows"] == 1
    place.verb("plan", "2026-10", "--operator", "grace", "--size", str(SIZE))
    found = place.verb("run", "1")
    assert (found["state"], found["bills"]) == ("validated", HOUSEHOLDS)
    place.verb("approve", "1", "--operator", "henry")
    assert place.verb("issue", "1")["state"] == "issued"
    again = place.told("run", "1")
    assert again.returncode == 1
    assert "calculate is not possible when it is issued" in again.stderr
    trail = [row[0] for row in house.rows("SELECT act FROM audit ORDER BY at, number")]
    assert trail == [
        "bill-usage", "bill-run-plan", "bill-run-run", "bill-run-approve", "bill-run-issue"
    ]  # fmt: skip
    place.books_are_right()
