"""Shops with terminals, for journeys: agents with floats, registered terminals, cashiers."""

import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import msgspec

from core.messages import (
    Answer,
    DecideTokenAct,
    Message,
    Outcome,
    RequestAgentAct,
    RequestTerminalAct,
    name_of,
)
from core.store.invariants import offences
from core.store.upgrade import is_sqlite
from hub import balance, module_log
from hub.pins import proof
from hub.terminalkeys import kcv_of
from simulators.bench import town
from simulators.demo.children import last_words, until
from simulators.demo.house import COMPANY, House, free_port
from simulators.pos.items import COUNTED, Fate, Item
from simulators.pos.line import Exchange, Line
from simulators.pos.states import State
from simulators.pos.terminal import Terminal
from simulators.pos.terms import Ended, Setup
from simulators.pos.wording import wording_of

#: A busy machine with three engines.
SOON_S = 60.0
PIN_KEY = bytes(range(32))
PIN, CASHIER = "2468", "anna"
#: How many acts are asked for at once while shops are opened.
HANDS = 8
TOPUP = 50_000_000
OPERATORS = """
[operators.ruth]
roles = ["agent-supervisor"]
acts_per_day = 10000

[operators.sam]
roles = ["agent-approver"]
"""
CHANNEL = """
[channels.{name}]
kind = "pos"
company = "demo"
endpoint = "tcp:{port}:interface=127.0.0.1"
dialect = "{dialect}"
keys = "{name}-keys.json"
answer_s = 20.0
"""
#: Dialect -> the master key that its terminals have (test keys): all three speak with codes.
MASTERS = {
    "generic-1987-ascii": ("des", bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")),
    "tpdu-1987-bcd": ("des", bytes.fromhex("89ABCDEF0123456776543210FEDCBA98")),
    "ascii-1993": ("aes", bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C")),
}


@dataclass
class Shops:
    """An installation with terminals; ``heard``: what they were told, by terminal."""

    house: House
    ports: Mapping[str, int]  # by dialect
    lines: list[Line] = field(default_factory=list)
    heard: dict[str, list[Ended]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)  # terminal -> agent
    exchange: Exchange = field(default_factory=Exchange)

    def __post_init__(self) -> None:
        self._wordings = {dialect: wording_of(dialect) for dialect in self.ports}
        self._zone = self.house.config.companies[COMPANY].zone

    # --- opening ---------------------------------------------------------------------------------

    def act(self, operator: str, command: Message) -> Answer:
        """What an operator asks for; it must be done or wait for the second person."""
        request = {
            "do": "act", "company": COMPANY, "key": f"act/{operator}/{uuid.uuid4()}",
            "type": name_of(command).name, "operator": operator, "secret": "",
            "data": msgspec.to_builtins(command),
        }  # fmt: skip
        answer = until(lambda: self._answer(request), 2 * SOON_S, "an answer to an act")
        assert answer.outcome is Outcome.DONE, (command, answer)
        return answer

    def _answer(self, request: dict[str, Any]) -> Answer | None:
        """Under its key it is done once, so that who had no answer asks again."""
        try:
            answer = self.house.ask(request)["answer"]
        except TimeoutError:  # worker processes are not up yet
            return None
        return None if answer is None else msgspec.convert(answer, Answer)

    def agreed(self, command: Message) -> Answer:
        """Asked for by one person, approved by another."""
        asked = self.act("ruth", command)
        return self.act(
            "sam", DecideTokenAct(operator="sam", act=asked.data["act"], decision="approve")
        )

    def open(self, agents: Sequence[str], each: int, with_cashier: Sequence[str] = ()) -> None:
        """Agents with money and ``each`` terminals; those named have a cashier too."""
        with ThreadPoolExecutor(HANDS) as hands:
            list(hands.map(self._enrol, agents))
            list(hands.map(self._cashier, with_cashier))
            numbers = [
                (f"T{at:07d}", agent)
                for at, agent in enumerate((a for a in agents for _ in range(each)), start=1)
            ]
            list(hands.map(lambda pair: self._register(*pair), numbers))
        self.owners = dict(numbers)

    def _enrol(self, agent: str) -> None:
        self.agreed(
            RequestAgentAct(
                operator="ruth", kind="agent-enrol", agent=agent, reason="contract",
                name=f"Shop {agent}",
            )
        )  # fmt: skip
        self.agreed(
            RequestAgentAct(
                operator="ruth", kind="agent-topup", agent=agent, reason="deposit",
                evidence="slip 7", amount=TOPUP,
            )
        )  # fmt: skip

    def _register(self, number: str, agent: str) -> None:
        self.agreed(
            RequestTerminalAct(
                operator="ruth", kind="terminal-register", terminal=number, agent=agent,
                reason="contract", name=f"Till {number}", place="market",
            )
        )  # fmt: skip

    def _cashier(self, agent: str) -> None:
        self.agreed(
            RequestTerminalAct(
                operator="ruth", kind="cashier-add", agent=agent, reason="contract",
                cashier=CASHIER, name="Anna",
                pin_proof=proof(PIN_KEY, COMPANY, agent, CASHIER, PIN),
            )
        )  # fmt: skip

    # --- at the terminals ------------------------------------------------------------------------

    def setup(self, number: str, dialect: str) -> Setup:
        """How the maker sets a terminal up."""
        return Setup(
            number,
            self._wordings[dialect],
            zone=self._zone,
            master=MASTERS[dialect][1],
            answer_s=SOON_S,
            again_s=0.2,
        )

    def install(self, terminal: Terminal) -> Line:
        """Put a terminal on its line."""
        port = self.ports[terminal.wording.dialect.name]
        line = Line(terminal, "127.0.0.1", port, self._hears)
        self.lines.append(line)
        self.exchange.lines.append(line)
        return line

    def _hears(self, terminal: Terminal, event: Any) -> None:
        if isinstance(event, Ended):
            self.heard.setdefault(terminal.setup.number, []).append(event)

    def does(self, line: Line, events: list[Any]) -> None:
        """Hand on what a key made."""
        line.told(events, self.exchange.clock())

    def all_are(self, state: State, what: str) -> None:
        """Turn until every terminal is in a state; else who is not, and the hub's last words."""
        try:
            self.exchange.until(
                lambda: all(line.terminal.state is state for line in self.lines), SOON_S, what
            )
        except TimeoutError as error:
            rest = {
                line.terminal.setup.number: (line.terminal.state, line.terminal.pending)
                for line in self.lines
                if line.terminal.state is not state
            }
            raise AssertionError(f"{error}: {rest}\n{self.last_words()}") from error

    def sign_on(self) -> None:
        """Every terminal, with its cashier where the agent has one."""
        self.exchange.until(lambda: all(line.terminal.up for line in self.lines), SOON_S, "lines")
        cashiers = {agent for (agent,) in self.house.rows(
            "SELECT DISTINCT a.number FROM cashier c JOIN agent a ON a.id = c.agent_id"
        )}  # fmt: skip
        for line in self.lines:
            agent = self.owners[line.terminal.setup.number]
            who = (CASHIER, PIN) if agent in cashiers else ("", "")
            self.does(line, line.terminal.sign_on(self.exchange.clock(), *who))
        self.all_are(State.IDLE, "signed on")

    def items(self, agent: str = "") -> list[Item]:
        """What the terminals have in their journals, of one agent or of all."""
        return [
            item
            for line in self.lines
            if agent in ("", self.owners[line.terminal.setup.number])
            for item in line.terminal.book.everything()
        ]

    # --- what must always be ---------------------------------------------------------------------

    def last_words(self) -> str:
        """The end of the hub's log."""
        return last_words(self.house.hub.log) if self.house.hub is not None else ""

    def books_are_right(self) -> None:
        """Nothing lost, nothing twice; every invariant holds, and the verb says so too."""
        dialect = "sqlite" if is_sqlite(self.house.config.database_url()) else "postgresql"
        with self.house.reading() as reader:
            assert list(offences(reader, dialect)) == []
            assert balance.unaccounted(reader) == 0
            made = module_log.made(reader)
        assert self.house.rows("SELECT handler, error FROM delivery WHERE state = 3") == []
        checked = self.house.wattbus("check", "--ledger")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        tokens = {str(digits) for (digits,) in self.house.rows("SELECT digits FROM token")}
        held = [str(item.answer["token"]) for item in self.items() if item.answer.get("token")]
        assert len(held) == len(set(held)) == made
        assert set(held) == tokens  # no token without a sale that has its answer, and none twice

    def floats_are_right(self) -> None:
        """Each float is what was paid in without what its terminals owe."""
        rows = self.house.rows(
            "SELECT a.number, f.balance, f.reserved FROM agent a "
            "JOIN agent_float f ON f.agent_id = a.id"
        )
        assert rows
        for agent, money, reserved in rows:
            booked = [item for item in self.items(agent) if item.fate in COUNTED]
            owed = sum(item.amount for item in booked if item.fate is not Fate.REVERSED)
            assert (agent, money, reserved) == (agent, TOPUP - owed, 0)


def build(house: House, households: int) -> Shops:
    """An installation with a town, and a port for each dialect; the hub is not started."""
    ports = {dialect: free_port() for dialect in MASTERS}
    names = {dialect: f"pos{at}" for at, dialect in enumerate(MASTERS)}
    base = house.edit

    def edited(text: str) -> str:
        channels = [
            CHANNEL.format(name=names[dialect], port=port, dialect=dialect)
            for dialect, port in ports.items()
        ]
        return "".join([base(text), OPERATORS, *channels])

    house.edit = edited
    house.build()
    (house.folder / "pin.key").write_text(PIN_KEY.hex())
    for dialect, (cipher, key) in MASTERS.items():
        record = {"terminal": "*", "cipher": cipher, "kcv": kcv_of(cipher, key), "plain": key.hex()}
        file = house.folder / f"{names[dialect]}-keys.json"
        file.write_bytes(msgspec.json.encode({"version": 1, "keys": [record]}))
    town.enrol(house.config.database_url(), households, time.time_ns() // 1_000)
    return Shops(house, ports)
