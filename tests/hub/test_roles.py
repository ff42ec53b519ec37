"""Who may ask a running hub for what: every verb of the control socket, every operator's act.

A verb or act that has no rule here fails: somebody must say who may do it before it is there.
"""

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from pkgutil import iter_modules
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import maybeDeferred, succeed

from core.company import Operator
from core.messages import Outcome, name_of
from core.messages.examples import EXAMPLES
from core.vending.act_kinds import Role
from hub import boot, erasuredesk, operators, verbs
from hub.billacts import ACTS
from hub.config import read
from hub.operators import _ACTS as OPERATORS_ACTS
from hub.operators import hashed
from hub.sections import OperatorSection
from hub.verbs.init import write_installation
from tests.hub.machine import Machine, demo_terms, fresh_sqlite

VERB_FILES = Path(verbs.__file__).parent
WORDS = "correct horse"
ROLES = OperatorSection.__annotations__["roles"].__args__[0].__args__
Verbs = dict[str, Any]

#: Only whoever can open the socket, which is the hub's own user: his name goes on record.
SOCKET = "socket"
#: Beside that the passphrase of an operator; the company's table of the act says his role.
SECRET = "secret"
#: The passphrase of an operator with this role for this company, whatever he asks for.
VERBS: dict[str, str] = {
    "status": SOCKET,
    "submit": SOCKET,  # what is said in nobody's name: hub.control.BY_HAND, and nothing else
    "replay": SOCKET,
    "discard": SOCKET,
    "edit": SOCKET,
    "look": SOCKET,
    "pause": SOCKET,
    "resume": SOCKET,
    "start": SOCKET,
    "stop": SOCKET,
    "cluster": SOCKET,
    "reload": SOCKET,
    "prune": SOCKET,  # what is older than the configuration keeps, and nothing else
    "bill-phase": SOCKET,
    "act": SECRET,
    "bill-act": SECRET,
    "key": Role.CUSTODIAN,
    "last-tids": Role.SUPERVISOR,
    "erase": erasuredesk.ROLE,
}
BILLS: dict[str, str] = {
    **dict.fromkeys(("open", "close", "usage", "abandon"), SOCKET),
    "plan": Role.COLLECTOR,
    **dict.fromkeys(("approve", "decide", "reverse"), Role.COLLECTION_APPROVER),
    **dict.fromkeys(("facts", "commons", "catch-up", "change"), Role.COLLECTOR),
    "change-decide": Role.COLLECTION_APPROVER,
}
OPERATORS = """
[operators.all]
roles = [{all}]
secret_file = "all.secret"
companies = ["demo"]
[operators.none]
roles = ["cashier"]
secret_file = "none.secret"
[operators.away]
roles = [{all}]
secret_file = "away.secret"
companies = ["other"]
"""


@dataclass
class Asked:
    """A hub that is wired and not started: its verbs, and the way to ask them."""

    verbs: Verbs
    chores: Any

    def error(self, verb: str, **request: Any) -> str:
        """What a request is refused with; empty: it was taken."""
        heard: list[Any] = []
        request = {"do": verb, "company": "demo", "key": "k", "actor": "test", **request}
        maybeDeferred(self.verbs[verb], request).addBoth(heard.append)
        self.chores.step()
        return str(heard[0].value) if heard and hasattr(heard[0], "value") else ""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operators, "_N", 2)
        folder = tmp_path_factory.mktemp("roles")
        made = _wired(folder)
        caught: list[Verbs] = []
        listens = SimpleNamespace(listen=lambda _factory: succeed(None))
        patch.setattr(boot, "UNIXServerEndpoint", lambda *_args, **_words: listens)
        patch.setattr(boot, "ControlFactory", caught.append)
        made._listen_control()
        (heard,) = caught
        yield Asked(heard, made.engine.chores)
        for store in made.engine.stores:
            store.close()
        made.engine.lock.close()


def _wired(folder: Path) -> Any:
    path = write_installation(folder, 0, 2775)
    text = path.read_text().partition("[links.smsc]")[0]
    company = text[text.index("[companies.demo]") :].partition("[operators.")[0]
    section = company.partition("[companies.demo.limits]")[0].replace("demo", "other")
    names = ", ".join(f'"{role}"' for role in ROLES)
    path.write_text(text + section.replace("keys.json", "other.json")
                    + OPERATORS.format(all=names))  # fmt: skip
    (folder / "other.json").write_text((folder / "keys.json").read_text())
    for name in ("all", "none", "away"):
        (folder / f"{name}.secret").write_text(hashed(WORDS) + "\n")
    (folder / "var").mkdir()
    fresh_sqlite(folder / "var")
    reactor = SimpleNamespace(callFromThread=lambda function, *args: function(*args))
    return boot.build(read(path), reactor)


def test_every_verb_of_the_socket_has_a_rule(hub: Asked) -> None:
    assert hub.verbs.keys() - VERBS.keys() == set()


def test_every_act_with_bills_has_its_rule() -> None:
    assert {name: act.role or SOCKET for name, act in ACTS.items()} == BILLS


STRANGERS = {
    "nobody": {},
    "a name without a passphrase": {"operator": "all"},
    "a wrong passphrase": {"operator": "all", "secret": "wrong words"},
    "a strange name": {"operator": "eve", "secret": WORDS},
    "another's passphrase for a name": {"operator": "root", "secret": WORDS},
}
REFUSED = "unknown, or not the right passphrase|may not do that"


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("kind", OPERATORS_ACTS, ids=lambda kind: kind.__name__)
def test_no_act_without_the_operators_passphrase(hub: Asked, kind: Any, who: str) -> None:
    name = name_of(kind).name
    data = msgspec.to_builtins(EXAMPLES[name])
    told = hub.error("act", type=name, data={**data, "operator": "all"}, **STRANGERS[who])
    assert "unknown, or not the right passphrase" in told
    assert "act" in hub.error("submit", type=name, data={**data, "operator": "all"})


#: Requests that are whole, so that it is the role alone that decides.
ROLED: dict[str, dict[str, Any]] = {
    "key": {"step": "key-import", "detail": {"sgc": "123456"}},
    "last-tids": {"rows": [], "reason": "the old system's", "evidence": "file 1"},
    "erase": {"step": "ask", "kind": "account", "subject": "A-1", "reason": "her letter"},
    **{f"bill-act {name}": {} for name, act in ACTS.items() if act.role},
}
FILE = {"file": "rows.csv", "digest": "0", "lines": []}
BILL_DATA: dict[str, Any] = {
    "facts": {"at": FILE, "rows": []},
    "commons": {"period": 202611, "at": FILE, "rows": []},
    "catch-up": {"period": 202611, "method": "last", "at": FILE, "rows": []},
    "change": {"bill": 8, "by": {}, "reason": "r", "evidence": "e"},
    "change-decide": {"change": 7},
    "plan": {"period": 202611},
    "approve": {"run": 7},
    "decide": {"run": 7, "bill": 8, "what": "approve"},
    "reverse": {"bill": 8},
}


@pytest.mark.parametrize("label", ROLED)
def test_a_verb_with_a_role_asks_for_it_and_for_the_company(hub: Asked, label: str) -> None:
    verb, _, act = label.partition(" ")
    words = dict(ROLED[label], **({"act": act, "data": BILL_DATA[act]} if act else {}))
    refused = [hub.error(verb, **words, **stranger) for stranger in STRANGERS.values()]
    assert all("passphrase" in told or "may not do that" in told for told in refused), refused
    for name in ("none", "away"):
        told = hub.error(verb, **words, operator=name, secret=WORDS)
        assert "role" in told or "no part in company" in told, (name, told)
    told = hub.error(verb, **words, operator="all", secret=WORDS)
    assert "role" not in told
    assert "passphrase" not in told


def test_every_verb_with_a_rule_of_its_own_is_tried() -> None:
    tried = {label.partition(" ")[0] for label in ROLED} | {"act"}
    assert tried == {verb for verb, rule in VERBS.items() if rule != SOCKET}
    assert {label.partition(" ")[2] for label in ROLED} - {""} == set(BILL_DATA)


#: What an operator without the role hears of the example of each act, where it is not about his
#: role: the example is about something that is not there, which is found out first.
NOT_THERE: dict[tuple[str, str], str] = {
    ("RequestPhoneAct", "none"): "act-wrong",
    ("DecideTokenAct", "none"): "act-unknown",
    ("MoveChange", "none"): "change-unknown",
    ("CloseTerminalCase", "none"): "case-unknown",
    ("SellAtCounter", "none"): "meter-unknown",
    ("SellAtCounter", "away"): "meter-unknown",
}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A company that knows one operator, without any of the roles that acts need."""
    folder = tmp_path_factory.mktemp("company")
    machine = Machine(
        fresh_sqlite(folder), terms=demo_terms(operators={"none": Operator(frozenset())})
    )
    yield machine
    machine.store.close()


@pytest.mark.parametrize("who", ["none", "away"])
@pytest.mark.parametrize("kind", OPERATORS_ACTS, ids=lambda kind: kind.__name__)
def test_no_act_without_its_role_for_this_company(company: Machine, kind: Any, who: str) -> None:
    """``away`` is an operator of another company: this one does not know him."""
    name = name_of(kind).name
    command = msgspec.structs.replace(EXAMPLES[name], operator=who)
    answer = company.do(command, f"{name}/{who}")
    expected = {"none": "act-no-role", "away": "operator-unknown"}[who]
    code = NOT_THERE.get((kind.__name__, who), expected)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)


#: Verbs of the command line. READS: they write nothing, or only the record that somebody looked.
#: HUB: they write by the running hub, under the rules above. HOST: they write to the database or to
#: files without a hub, as the user of the machine who may (docs/hardening.md says who should).
READS, HUB, HOST = "reads", "hub", "host"
COMMANDS: dict[str, str] = {
    **dict.fromkeys(
        "archive audit balance bus check cluster conform docs inspect mapping orders status tariff "
        "top unknown".split(),
        READS,
    ),
    **dict.fromkeys(
        "act advance agents arrears change channel collect counter deadletters enrol find "
        "freeunits journal keychange lasttids pay phones replay service terminals wallets reload "
        "keys billrun erase".split(),
        HUB,
    ),
    **dict.fromkeys("db init run worker token terminalkey".split(), HOST),
    **dict.fromkeys(("prune",), HOST),
}
_DO = re.compile(r'"do": "([a-z-]+)"')


def test_every_verb_of_the_command_line_has_a_rule() -> None:
    found = {info.name for info in iter_modules([str(VERB_FILES)]) if info.name[0] != "_"}
    names = {importlib.import_module(f"hub.verbs.{name}").__dict__.get("NAME") for name in found}
    assert names - {None} - COMMANDS.keys() == set()


def test_what_the_command_line_asks_of_a_hub_is_what_has_a_rule() -> None:
    asked = {verb for path in VERB_FILES.glob("*.py") for verb in _DO.findall(path.read_text())}
    assert asked - VERBS.keys() == set()
    assert {"act", "key", "look", "replay"} <= asked, "the sources are still read"


@pytest.mark.parametrize("name", [name for name, rule in COMMANDS.items() if rule == READS])
def test_what_only_reads_asks_a_hub_for_its_state_alone(name: str) -> None:
    path = VERB_FILES / f"{name}.py"
    asked = set(_DO.findall(path.read_text())) if path.exists() else set()
    assert asked <= {"status", "cluster"}
