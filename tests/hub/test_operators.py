"""Who an operator is: his passphrase, the record of what he asks, and no way around the desk."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import succeed

from core.messages import RequestWalletAct, StatementLine, TakeStatement, name_of
from hub import audit, operators
from hub.config import ConfigError, OperatorSection, parse
from hub.control import ControlError, submit
from hub.operators import Identity, OperatorDesk, hashed, matches
from tests.hub.acting import acting, ask, decide
from tests.hub.machine import Machine
from tests.hub.test_config import GOOD

WORDS = "correct horse"
ROLES = 'roles = ["vending-supervisor"]\n'


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash that takes no time: how dear a guess is, is not what is tested."""
    monkeypatch.setattr(operators, "_N", 2)


def identity(folder: Path) -> Identity:
    (folder / "mary").write_text(hashed(WORDS) + "\n")
    sections = {
        "mary": OperatorSection(roles=[], secret_file="mary"),
        "gone": OperatorSection(roles=[], secret_file="nowhere"),
        "test": OperatorSection(roles=[]),
    }
    return Identity(sections, lambda name: folder / name)


def test_the_right_passphrase_and_no_other() -> None:
    line = hashed(WORDS)
    assert matches(WORDS, line)
    assert matches(WORDS, line + "\n")
    assert not matches("Correct horse", line)
    assert hashed(WORDS) != line, "each has a salt of its own"


@pytest.mark.parametrize("line", ["", "scrypt", "scrypt$zz$00", "md5$00$00", "a$b$c$d", "$$"])
def test_a_broken_line_matches_nothing(line: str) -> None:
    assert not matches(WORDS, line)
    assert not matches("", line)


@pytest.mark.parametrize(
    ("name", "secret"),
    [("mary", ""), ("mary", "wrong words"), ("mary", "x" * 2_000), ("eve", WORDS), ("", "")],
)
def test_a_stranger_is_told_no_more_than_that(tmp_path: Path, name: str, secret: str) -> None:
    who = identity(tmp_path)
    with pytest.raises(ControlError, match="unknown, or not the right passphrase"):
        who.check(name, secret)


def test_who_is_known_and_who_has_lost_his_file(tmp_path: Path) -> None:
    who = identity(tmp_path)
    who.check("mary", WORDS)
    who.check("test", "")
    with pytest.raises(ControlError, match="cannot be read"):
        who.check("gone", WORDS)


def order(message: Any, **changes: Any) -> dict[str, Any]:
    return {
        "do": "act",
        "company": "demo",
        "key": "k1",
        "operator": "mary",
        "secret": WORDS,
        "actor": "mary via root",
        "type": name_of(message).name,
        "data": msgspec.to_builtins(message),
        **changes,
    }


def asked(machine: Machine, folder: Path, request: dict[str, Any]) -> tuple[Any, list[Any]]:
    """What the desk answered, and what it put on the bus."""
    seen: list[Any] = []
    heard: list[Any] = []

    def put(submitted: dict[str, Any]) -> Any:
        seen.append(submitted)
        return succeed({"ok": True})

    desk = OperatorDesk(identity(folder), machine.chores, put, "node1", machine.time.now_us)
    desk.act(request).addBoth(heard.append)
    machine.chores.step()
    return heard[0], seen


def test_an_act_is_on_record_before_it_is_on_the_bus(tmp_path: Path) -> None:
    machine = acting(tmp_path)
    request = ask("replacement", token="1" * 20, operator="peter")
    answer, seen = asked(machine, tmp_path, order(request))
    assert answer == {"ok": True}
    assert seen[0]["data"]["operator"] == "mary", "who he is, the desk says"
    assert "secret" not in seen[0]
    with machine.store.reader() as reader:
        (row,) = audit.read(reader)
        assert audit.verify([row])[0].broken_at is None
    assert (row.actor, row.act, row.subject) == (
        "mary via root",
        "act-request",
        "meter/04123456784",
    )
    detail = msgspec.json.decode(row.detail)
    assert (detail["kind"], detail["reason"]) == ("replacement", "a reason")
    assert "1" * 20 not in row.detail
    assert WORDS not in row.detail


def test_the_record_says_what_is_done_whatever_was_sent(tmp_path: Path) -> None:
    """Fields of another command, or of none, are ignored by the bus: so they are by the record."""
    machine = acting(tmp_path)
    data = msgspec.to_builtins(ask("compensation", units_tenths=200))
    data |= {"act": 17, "decision": "reject", "kWh": 1}
    answer, seen = asked(machine, tmp_path, order(ask("test"), data=data))
    assert answer == {"ok": True}
    ((act, subject, raw),) = machine.rows("SELECT act, subject, detail FROM audit")
    assert (act, subject) == ("act-request", "meter/04123456784")
    detail = msgspec.json.decode(raw)
    assert (detail["type"], detail["units_tenths"]) == (name_of(ask("test")).name, 200)
    assert not {"act", "decision", "kWh"} & (detail.keys() | seen[0]["data"].keys())


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        (
            RequestWalletAct(
                operator="mary", kind="wallet-wrong-meter", payment="W-1", reason="he called",
                to="+256770000009",
            ),
            "wallet/W-1",
        ),
        (
            TakeStatement(
                wallet="mpesa", day=20261121, currency="UGX", operator="mary",
                lines=(StatementLine(receipt="R1", amount=5, at=1, payer="+256770000009"),),
            ),
            "wallet/mpesa/20261121",
        ),
    ],
)  # fmt: skip
def test_no_customers_phone_is_on_record(tmp_path: Path, message: Any, subject: str) -> None:
    """The record is for ever, and many may read it."""
    machine = acting(tmp_path)
    answer, seen = asked(machine, tmp_path, order(message))
    assert answer == {"ok": True}
    assert "770000009" in str(seen), "what is done knows it"
    ((found, raw),) = machine.rows("SELECT subject, detail FROM audit")
    assert found == subject
    assert "770000009" not in raw


def test_what_is_no_command_leaves_nothing(tmp_path: Path) -> None:
    machine = acting(tmp_path)
    failure, seen = asked(machine, tmp_path, order(decide(17), data={"act": "seventeen"}))
    assert "act" in str(failure.value)
    assert seen == []
    assert machine.rows("SELECT count(*) FROM audit") == [(0,)]


def test_a_decision_is_on_record_under_the_act(tmp_path: Path) -> None:
    machine = acting(tmp_path)
    asked(machine, tmp_path, order(decide(17)))
    assert machine.rows("SELECT act, subject FROM audit") == [("act-approve", "act/17")]


@pytest.mark.parametrize(
    "changes",
    [{"secret": "wrong words"}, {"operator": "eve"}, {"type": "x"}, {"data": []}],
)
def test_what_is_not_vouched_for_leaves_nothing(tmp_path: Path, changes: dict[str, Any]) -> None:
    machine = acting(tmp_path)
    failure, seen = asked(machine, tmp_path, order(ask("test"), **changes))
    assert isinstance(failure.value, ControlError)
    assert seen == []
    assert machine.rows("SELECT count(*) FROM audit") == [(0,)]


def test_there_is_no_way_around_the_desk() -> None:
    heard: list[Any] = []
    request = {**order(ask("test")), "do": "submit"}
    ports: dict[str, Any] = {"demo": SimpleNamespace(company=SimpleNamespace(test=False))}
    submit(ports)(request).addErrback(heard.append)
    assert "wattbus act" in str(heard[0].value)


# --- the configuration ---------------------------------------------------------------------------


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "wattbus.toml", Path())
    return caught.value.problems


def test_operators_of_a_test_company_need_no_secret() -> None:
    text = GOOD + f"test = true\n[operators.mary]\n{ROLES}alone_units = 20\n"
    mary = parse(text, "wattbus.toml", Path()).operators["mary"]
    assert (mary.alone_units, mary.free_issue_units_per_day, mary.acts_per_day) == (20, 0, 100)


@pytest.mark.parametrize(
    ("added", "line", "says"),
    [
        (f"[operators.mary]\n{ROLES}", 10, "needs secret_file: demo is no test company"),
        (
            f'[operators.mary]\n{ROLES}secret_file = "m"\ncompanies = ["x"]\n',
            13,
            "'x' (known: demo",
        ),
        ('[operators.mary]\nsecret_file = "m"\nroles = ["king"]\n', 12, "vending-approver"),
        ('[operators.mary]\nsecret_file = "m"\n', 10, "needs roles"),
        (f'[operators.mary]\n{ROLES}secret_file = "m"\nalone_units = -1\n', 13, "alone_units"),
        (f'[operators."Mary M"]\n{ROLES}secret_file = "m"\n', 10, "small letters"),
        ("[operators]\nmary = 1\n", 11, "write [operators.mary]"),
        (
            f'[operators.mary]\n{ROLES}secret_file = "m"\n'
            f'[operators.peter]\n{ROLES}secret_file = "./m"\n',
            15,
            "secret_file is that of mary",
        ),
    ],
)
def test_what_is_wrong_with_an_operator_is_said_with_its_line(
    added: str, line: int, says: str
) -> None:
    (problem,) = problems(GOOD + added)
    assert problem.startswith(f"wattbus.toml:{line}: ")
    assert says in problem
