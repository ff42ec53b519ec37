"""Registering terminals, binding, blocking, and what they shall work with and show. Pure."""

import re
from typing import Any, Final

import msgspec
from msgspec.structs import asdict, replace

from core.agents.floats import agent_of
from core.agents.money import MAX_AMOUNT, living
from core.handlers.base import Context
from core.messages import ReportTerminal, RequestTerminalAct
from core.refusals import Refusal, refuse
from core.terminals.counted import under_way, unsettled
from core.terminals.entities import Terminal
from core.terminals.presence import terminal_of
from core.terminals.shifts import end_shift
from core.terminals.states import TERMINAL_MOVES, TerminalMove, TerminalState

Facts = dict[str, Any]
#: DE 41 has 8 characters, DE 42 has 15 (ISO 8583); shorter ones are padded on the wire.
_NUMBER: Final = re.compile(r"[A-Za-z0-9]{1,8}")
_MERCHANT: Final = re.compile(r"[A-Za-z0-9 -]{0,15}")
_PARAMETER: Final = re.compile(r"[a-z][a-z0-9_.-]{0,31}")
MAX_NAME: Final = 80
#: All parameters as JSON: they go down in one private field of three digits of length.
MAX_PARAMETERS: Final = 900
#: What a terminal's small screen shows, or one slip of its printer.
MAX_MESSAGE: Final = 160
#: Of one series: weeks without a line in a village. A series' numbers stay below the next one's.
MAX_RECEIPTS: Final = 2_000
_SERIES: Final = 10_000
_PARAMETERS = msgspec.json.Decoder(dict[str, str])


def wrong(number: str, what: str) -> Refusal:
    """An act that does not fit the terminal."""
    return refuse("terminal-wrong", terminal=number, what=what)


def using(ctx: Context, command: RequestTerminalAct) -> Terminal:
    """The terminal, not retired; of the agent, if one is named."""
    terminal = terminal_of(ctx, command.terminal)
    if terminal.state == TerminalState.RETIRED:
        raise wrong(terminal.number, "it is retired")
    if command.agent and agent_of(ctx, command.agent).id != terminal.agent_id:
        raise refuse("terminal-elsewhere", terminal=terminal.number, agent=command.agent)
    return terminal


def check_register(ctx: Context, command: RequestTerminalAct) -> None:
    """A number that is free, and everything in its form."""
    number = command.terminal
    if not _NUMBER.fullmatch(number):
        raise wrong(number, "a number is 1 to 8 letters and digits")
    if ctx.stage.linked("terminal-number", number) is not None:
        raise wrong(number, "there is one of this number already")
    living(ctx, command.agent)
    _words(command)


def _words(command: RequestTerminalAct) -> None:
    for what, said in (("name", command.name), ("place", command.place)):
        if said is not None and len(said.strip()) > MAX_NAME:
            raise wrong(command.terminal, f"a {what} has at most {MAX_NAME} characters")
    if not _MERCHANT.fullmatch(command.merchant or ""):
        raise wrong(command.terminal, "a merchant has at most 15 letters, digits, - and blanks")


def carry_register(ctx: Context, _act_id: int, command: RequestTerminalAct) -> Facts:
    """Nobody is at it, it has no parameters, and collects nothing without the line."""
    terminal = Terminal(
        id=ctx.new_id("terminal"),
        company=ctx.terms.code,
        number=command.terminal,
        agent_id=living(ctx, command.agent).id,
        state=TerminalState.ACTIVE.value,
        name=(command.name or "").strip(),
        place=(command.place or "").strip(),
        merchant=(command.merchant or "").strip(),
        parameters="{}",
        parameters_version=0,
        message="",
        message_number=0,
        emergency_limit=0,
        latitude=0,
        longitude=0,
        signal=0,
        application="",
        parameters_seen=0,
        message_seen=0,
        seen_at=0,
        cashier="",
        shift_id=0,
        registered_at=ctx.now_us,
    )
    ctx.stage.add("terminal", **asdict(terminal))
    ctx.stage.put(terminal.id, terminal)
    ctx.stage.link("terminal-number", terminal.number, terminal.id)
    return {"terminal_id": terminal.id}


def check_bind(ctx: Context, command: RequestTerminalAct) -> None:
    """To another agent, when nobody is at it, nothing is under way there and it has settled: what
    it sold is the former one's, and so is the settlement of it."""
    terminal = terminal_of(ctx, command.terminal)
    if terminal.state == TerminalState.RETIRED:
        raise wrong(terminal.number, "it is retired")
    if living(ctx, command.agent).id == terminal.agent_id:
        raise wrong(terminal.number, f"it is agent {command.agent}'s already")
    if terminal.shift_id:
        raise wrong(terminal.number, f"cashier {terminal.cashier} is signed on; he must sign off")
    waiting = under_way(ctx, terminal.id)
    if waiting:
        raise wrong(terminal.number, f"{waiting} sales there wait for their token")
    items = unsettled(ctx, terminal.id)
    if items:
        raise wrong(terminal.number, f"{items} items there are not settled; it must settle first")
    _words(command)


def carry_bind(ctx: Context, _act_id: int, command: RequestTerminalAct) -> Facts:
    """Name, place and merchant change with it where they are said."""
    terminal = terminal_of(ctx, command.terminal)
    said = {"name": command.name, "place": command.place, "merchant": command.merchant}
    changes = {name: text.strip() for name, text in said.items() if text is not None}
    agent = living(ctx, command.agent)
    since = {"bound_at": ctx.now_us, "former_agent_id": terminal.agent_id}
    ctx.stage.put(terminal.id, replace(terminal, agent_id=agent.id, **since, **changes))
    return {}


def moved(ctx: Context, command: RequestTerminalAct, move: TerminalMove) -> Terminal:
    """The terminal after a move that its state has."""
    terminal = using(ctx, command)
    after = TERMINAL_MOVES.get((TerminalState(terminal.state), move))
    if after is None:
        raise wrong(terminal.number, f"it is {terminal.state}: {move} is not possible")
    return replace(terminal, state=after.value)


def carry_move(ctx: Context, command: RequestTerminalAct, move: TerminalMove) -> Facts:
    """Nobody is at one that nobody may use."""
    terminal = moved(ctx, command, move)
    shift = terminal.shift_id
    if terminal.state == TerminalState.ACTIVE:
        ctx.stage.put(terminal.id, terminal)
        return {"terminal_state": terminal.state}
    end_shift(ctx, terminal, command.kind)
    return {"terminal_state": terminal.state, **({"ended_shift": shift} if shift else {})}


def _parameters(ctx: Context, command: RequestTerminalAct) -> str:
    """All of them as they will be (JSON): those named are set, with an empty value taken away."""
    terminal = using(ctx, command)
    named = command.parameters or {}
    for name in named:
        if not _PARAMETER.fullmatch(name):
            raise wrong(terminal.number, f"{name} is no name of a parameter: like host.port")
    merged = {**_PARAMETERS.decode(terminal.parameters), **named}
    kept = {name: value for name, value in sorted(merged.items()) if value}
    text = msgspec.json.encode(kept).decode()
    if text == terminal.parameters:
        raise wrong(terminal.number, "nothing would change")
    if len(text.encode()) > MAX_PARAMETERS:
        raise wrong(terminal.number, f"parameters have at most {MAX_PARAMETERS} bytes as JSON")
    return text


def check_parameters(ctx: Context, command: RequestTerminalAct) -> None:
    """Something changes, and goes into a message."""
    _parameters(ctx, command)


def carry_parameters(ctx: Context, _act_id: int, command: RequestTerminalAct) -> Facts:
    """A new version: the terminal takes it when it next speaks of itself."""
    terminal = using(ctx, command)
    version = terminal.parameters_version + 1
    text = _parameters(ctx, command)
    ctx.stage.put(terminal.id, replace(terminal, parameters=text, parameters_version=version))
    return {"version": version}


def check_message(ctx: Context, command: RequestTerminalAct) -> None:
    """It fits; an empty one takes the last one away."""
    terminal = using(ctx, command)
    if len(command.text) > MAX_MESSAGE:
        raise wrong(terminal.number, f"a message has at most {MAX_MESSAGE} characters")
    if any(not each.isprintable() for each in command.text):
        raise wrong(terminal.number, "a message has letters, digits and signs only")
    if not command.text.strip() and not terminal.message:
        raise wrong(terminal.number, "say what it shall show")


def carry_message(ctx: Context, _act_id: int, command: RequestTerminalAct) -> Facts:
    """A new number, so that the terminal knows it from the last one."""
    terminal = using(ctx, command)
    number = terminal.message_number + 1
    text = command.text.strip()
    ctx.stage.put(terminal.id, replace(terminal, message=text, message_number=number))
    return {"number": number}


def check_emergency(ctx: Context, command: RequestTerminalAct) -> None:
    """A limit, or receipt numbers, or both. What it may collect never includes tokens."""
    terminal = using(ctx, command)
    limit, receipts = command.limit, command.receipts
    if limit is None and not receipts:
        raise wrong(terminal.number, "say the limit of a day, or how many receipt numbers")
    if limit is not None and not 0 <= limit <= MAX_AMOUNT:
        raise wrong(terminal.number, "a limit is an amount of money, or 0: nothing")
    if not 0 <= receipts <= MAX_RECEIPTS:
        raise wrong(terminal.number, f"at most {MAX_RECEIPTS} receipt numbers at once")


def carry_emergency(ctx: Context, act_id: int, command: RequestTerminalAct) -> Facts:
    """The limit, and a series of receipt numbers that nobody else has or had."""
    terminal = using(ctx, command)
    facts: Facts = {}
    if command.limit is not None:
        ctx.stage.put(terminal.id, replace(terminal, emergency_limit=command.limit))
        facts["limit"] = command.limit
    if command.receipts:
        series = ctx.new_id("terminal_receipts")
        first = series * _SERIES + 1
        last = first + command.receipts - 1
        ctx.stage.add(
            "terminal_receipts",
            id=series,
            company=ctx.terms.code,
            terminal_id=terminal.id,
            first_number=first,
            last_number=last,
            act_id=act_id,
            assigned_at=ctx.now_us,
        )
        facts |= {"first": first, "last": last}
    return facts


_FULL_CIRCLE: Final = 180 * 10**6
_WEAKEST: Final = -200  # dBm: no radio hears less than some -150
MAX_APPLICATION: Final = 40


def reported(ctx: Context, command: ReportTerminal) -> Facts:
    """What a terminal said of itself is kept, whatever state it is in: of a lost one above all."""
    terminal = terminal_of(ctx, command.terminal)
    if abs(command.latitude) > _FULL_CIRCLE // 2 or abs(command.longitude) > _FULL_CIRCLE:
        raise wrong(terminal.number, "no such place: degrees x 10^6")
    if not _WEAKEST <= command.signal <= 0:
        raise wrong(terminal.number, f"a signal is {_WEAKEST} to 0 dBm")
    if len(command.application) > MAX_APPLICATION:
        raise wrong(terminal.number, f"an application has at most {MAX_APPLICATION} characters")
    if min(command.parameters, command.message) < 0:
        raise wrong(terminal.number, "versions and numbers begin at 0")
    placed = (command.latitude, command.longitude) != (0, 0)
    terminal = replace(
        terminal,
        latitude=command.latitude if placed else terminal.latitude,
        longitude=command.longitude if placed else terminal.longitude,
        signal=command.signal or terminal.signal,
        application=command.application or terminal.application,
        parameters_seen=min(command.parameters, terminal.parameters_version),
        message_seen=min(command.message, terminal.message_number),
        seen_at=ctx.now_us,
    )
    ctx.stage.put(terminal.id, terminal)
    return _news(terminal, command)


def _news(terminal: Terminal, command: ReportTerminal) -> Facts:
    """What it does not have yet. One that is lost or retired is told nothing but that."""
    facts: Facts = {"terminal": terminal.number, "state": terminal.state}
    if terminal.state in (TerminalState.LOST, TerminalState.RETIRED):
        return facts
    facts["parameters_version"] = terminal.parameters_version
    if command.parameters != terminal.parameters_version:
        facts["parameters"] = _PARAMETERS.decode(terminal.parameters)
    facts["message_number"] = terminal.message_number
    if command.message != terminal.message_number:
        facts["message"] = terminal.message
    return facts
