"""Who brings keys, and the record of it: a row of the audit trail before anything is written."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.store.tx import Tx
from core.vending.act_kinds import Role
from hub import audit
from hub.audit import Act
from hub.chores import Chores
from hub.control import ControlError
from hub.operators import Identity

#: What a person does to a key.
STEPS = ("key-import", "key-component", "key-approve", "key-reject", "master-key")
#: What is said of a key on record: never more, so that no key can slip in.
TOLD = frozenset(
    "import sgc krn kt dkga base ken expires test kcv component component_kcv components module "
    "reason replace".split()
)
MAX_VALUE = 500


@dataclass(frozen=True, slots=True)
class Custodian:
    """Who is at the keyboard, for one company."""

    name: str
    secret: str
    company: str


def check(identity: Identity, who: Custodian) -> None:
    """Raises ControlError unless it is he, and he may bring keys of this company."""
    identity.check(who.name, who.secret)
    section = identity.operators[who.name]
    if Role.CUSTODIAN not in section.roles:
        raise ControlError(f"operator {who.name} needs the role {Role.CUSTODIAN}")
    if section.companies and who.company not in section.companies:
        raise ControlError(f"operator {who.name} has no part in company {who.company}")


@dataclass(frozen=True, slots=True)
class KeyDesk:
    """The verb ``key`` of the control socket: it records, and touches no key."""

    identity: Identity
    chores: Chores
    writer: str
    now_us: Callable[[], int]

    def key(self, request: dict[str, Any]) -> Any:
        """``company``, ``operator``, ``secret``, ``step``, ``detail``."""
        who = Custodian(
            str(request.get("operator", "")),
            str(request.get("secret", "")),
            str(request.get("company", "")),
        )
        check(self.identity, who)
        act = act_of(str(request.get("actor", "")), who, request.get("step"), request.get("detail"))

        def chore(tx: Tx) -> dict[str, Any]:
            audit.append(tx, self.writer, [act], self.now_us())
            return {"recorded": act.subject}

        return self.chores.do(chore)


def act_of(actor: str, who: Custodian, step: Any, detail: Any) -> Act:
    """The row of a step. Raises ControlError for what is none, or says too much."""
    if step not in STEPS or not isinstance(detail, dict) or not detail.keys() <= TOLD:
        raise ControlError(f"a step with a key is one of: {', '.join(STEPS)}")
    if any(len(str(value)) > MAX_VALUE for value in detail.values()):
        raise ControlError(f"what is said of a key has at most {MAX_VALUE} characters")
    parts = [str(detail[name]) for name in ("sgc", "krn", "kt") if name in detail]
    return Act(actor or who.name, str(step), "/".join(("key", who.company, *parts)), detail)
