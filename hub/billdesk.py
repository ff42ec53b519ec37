"""Bill runs over the control socket: ``bill-phase`` puts a phase of a run on the bulk lane, and
``bill-act`` does what people do about runs where only the hub may write.

To start a phase that is under way is harmless: where commands of the run are on the bus already,
nothing is added; what had given up (dead) or waits for its next attempt is opened again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from twisted.internet.defer import inlineCallbacks

from core.billing import runs
from core.billing.shapes import BillingError
from core.billing.states import RUN_MOVES, RunMove, RunState, WrongMoveError, after
from core.company import Terms
from core.messages import RunBillPhase, name_of
from core.store.ids import take
from core.store.tx import Reader, Tx
from hub import audit
from hub.audit import Act
from hub.billacts import ACTS, Work, perform
from hub.billphases import Books
from hub.control import ControlError, Verb
from hub.operators import OperatorDesk
from hub.outbox import BULK

#: What is asked for: a calculated run, or an issued one.
CALCULATE, ISSUE = "run", "issue"
_TYPE = name_of(RunBillPhase).name


def phase_of(state: str, what: str) -> RunMove:
    """The phase that a run in this state begins with. WrongMoveError when there is none."""
    if what == CALCULATE:
        phase = RunMove.FREEZE if state == RunState.PLANNED else RunMove.CALCULATE
    else:
        phase = RunMove.ISSUE
    after(RUN_MOVES, state, phase)
    return phase


def key_of(company: str, run: int) -> str:
    """The partition key of everything that is done for a run."""
    return f"{company}/run/{run}"


def troubles(reader: Reader, company: str, run: int) -> list[str]:
    """What is dead of a run's commands, as sentences."""
    rows = reader.rows(
        "SELECT DISTINCT error FROM delivery WHERE partitionkey = :key "
        "AND state IN (1, 2, 3) AND state = 3 ORDER BY error LIMIT 20",
        key=key_of(company, run),
    )
    return [str(row[0]) for row in rows]


def under_way(reader: Reader, company: str, run: int) -> bool:
    """Whether commands of a run are on the bus, or wait for their next attempt."""
    rows = reader.rows(
        "SELECT 1 FROM delivery WHERE target = :bulk AND state = 0 AND partitionkey = :key "
        "UNION ALL SELECT 1 FROM delivery WHERE partitionkey = :key AND state IN (1, 2, 3) "
        "AND state = 1 LIMIT 1",
        bulk=BULK, key=key_of(company, run),
    )  # fmt: skip
    return bool(rows)


@dataclass(frozen=True, slots=True)
class BillDesk:
    """``operators`` knows who asks, does chores and puts commands on the bus."""

    operators: OperatorDesk
    terms: Mapping[str, Terms]
    url: str

    def verbs(self) -> dict[str, Verb]:
        """The verbs of the control socket."""
        return {"bill-phase": self.start, "bill-act": self.act}

    def act(self, request: dict[str, Any]) -> Any:
        """``company``, ``act``, ``data``, ``operator``, ``secret``, ``key``: done once under it."""
        terms, act = self.terms.get(str(request.get("company"))), str(request.get("act"))
        if terms is None or act not in ACTS:
            raise ControlError(f"a company of the hub does one of: {', '.join(ACTS)}")
        try:
            told = msgspec.convert(request.get("data"), ACTS[act].told)
        except msgspec.ValidationError as error:
            raise ControlError(f"{act}: {error}") from error
        who, role = str(request.get("operator", "")), ACTS[act].role
        if role is not None and not (terms.test and not self.operators.identity.operators):
            secret = str(request.get("secret", ""))
            self.operators.identity.vouch(who, secret, terms.code, role)
        return self.operators.chores.do(lambda tx: self._act(tx, act, told, terms, request))

    def _act(
        self, tx: Tx, act: str, told: Any, terms: Terms, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        desk = self.operators
        books = Books(
            self.url, terms.code, terms.zone, terms.currency, terms.tariffs, desk.now_us
        )  # fmt: skip
        who, actor = str(request.get("operator", "")), str(request.get("actor", ""))
        work = Work(tx, lambda name, n: take(tx, name, n).start, books, who, actor, desk.writer)
        return perform(act, told, work, str(request.get("key", "")))

    @inlineCallbacks
    def start(self, request: dict[str, Any]) -> Any:
        """``company``, ``run``, ``what`` (run, issue), ``key``."""
        company, number = str(request.get("company", "")), request.get("run")
        what = request.get("what")
        if not isinstance(number, int) or what not in (CALCULATE, ISSUE):
            raise ControlError(f"a bill run has a number, and is to {CALCULATE} or {ISSUE}")
        phase, under_way = yield self.operators.chores.do(
            lambda tx: self._look(tx, request, number)
        )
        if under_way:
            return {"run": number, "phase": phase, "under_way": True, "answer": None}
        command = RunBillPhase(run=number, phase=phase, operator=str(request.get("actor", "")))
        reply = yield self.operators.submit({
            "company": company, "key": str(request.get("key", "")), "type": _TYPE,
            "data": msgspec.to_builtins(command),
        })  # fmt: skip
        return {"run": number, "phase": phase, "under_way": False, **reply}

    def _look(self, tx: Tx, request: Mapping[str, Any], number: int) -> tuple[str, bool]:
        company, what = str(request.get("company", "")), str(request["what"])
        try:
            run = runs.run_of(tx, number)
            if run.company != company:
                raise BillingError(f"run {number} is of {run.company}")
            phase = phase_of(run.state, what).value
        except (BillingError, WrongMoveError) as error:
            raise ControlError(str(error)) from error
        detail = {
            "company": company,
            "phase": phase,
            "opened_again": self._open(tx, key_of(company, number)),
        }
        act = Act(str(request.get("actor", "")) or "unknown", f"bill-run-{what}", f"run/{number}",
                  detail)  # fmt: skip
        audit.append(tx, self.operators.writer, [act], self.operators.now_us())
        return phase, under_way(tx, company, number)

    def _open(self, tx: Tx, key: str) -> int:
        """Again, from the first attempt: whoever asks has looked at what was wrong."""
        return tx.run(
            "UPDATE delivery SET state = 0, attempt = 0, started = 0, due = 0, updated = :now "
            "WHERE partitionkey = :key AND target = :bulk AND state IN (1, 2, 3) "
            "AND state IN (1, 3)",
            now=self.operators.now_us(), key=key, bulk=BULK,
        )  # fmt: skip
