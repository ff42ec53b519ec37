"""The verb ``erase`` of the control socket: one asks for a person's erasure, another agrees.

Both need the role ``data-protection``. The trail says that it was done, by whom and why; whom it
was about stands nowhere once it is done.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from core.store.ids import take
from core.store.tx import Reader, Tx
from hub import archive, audit, erasing
from hub.acts import reason_of
from hub.audit import Act
from hub.chores import Chores
from hub.control import ControlError
from hub.erasing import ErasureError, Person
from hub.operators import Identity
from hub.pseudonyms import of_person

ROLE: Final = "data-protection"
#: Where a company's key of pseudonyms is kept (``setting``).
KEY: Final = "erasure-key/"
_COLUMNS = (
    "id", "company", "kind", "subject", "state", "reason", "asked_by", "decided_by", "asked_at",
    "decided_at", "changed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ErasureDesk:
    """``ask``, ``approve``, ``refuse`` and ``forget`` (the key) by ``step``."""

    identity: Identity
    chores: Chores
    writer: str
    now_us: Callable[[], int]
    archive: Path | None = None

    def erase(self, request: dict[str, Any]) -> Any:
        """``step``, ``company``, ``operator``, ``secret``, ``reason``; ``kind`` and ``subject`` of
        what is asked for, ``number`` of what is decided."""
        company, name = str(request.get("company", "")), str(request.get("operator", ""))
        self.identity.vouch(name, str(request.get("secret", "")), company, ROLE)
        steps = {
            "ask": self._ask, "approve": self._approve, "refuse": self._refuse,
            "forget": self._forget,
        }  # fmt: skip
        step = str(request.get("step", ""))
        if step not in steps:
            raise ControlError(f"a step of an erasure is one of: {', '.join(steps)}")
        reason = reason_of(request)

        def chore(tx: Tx) -> dict[str, Any]:
            try:
                done = steps[step](tx, request, name)
            except ErasureError as error:
                raise ControlError(str(error)) from error
            subject = f"erasure/{company}/{done['number']}"
            act = Act(str(request.get("actor", name)), f"erase-{step}", subject, {"reason": reason})
            audit.append(tx, self.writer, [act], self.now_us())
            return done

        return self.chores.do(chore)

    def _ask(self, tx: Tx, request: dict[str, Any], name: str) -> dict[str, Any]:
        company, kind, subject = (str(request.get(n, "")) for n in ("company", "kind", "subject"))
        if kind not in (erasing.ACCOUNT, erasing.PHONE):
            raise ErasureError("a person is found by account or by phone")
        person = _free(tx, company, kind, subject)
        waiting = tx.rows(
            "SELECT id FROM erasure WHERE company = :company AND state = 'asked' "
            "AND kind = :kind AND subject = :subject", company=company, kind=kind, subject=subject,
        )  # fmt: skip
        if waiting:
            raise ErasureError(f"it is asked for already: erasure {waiting[0][0]}")
        number, reason = take(tx, "erasure", 1).start, reason_of(request)
        row = (number, company, kind, subject, "asked", reason, name, "", self.now_us(), 0, "{}")
        tx.insert("erasure", _COLUMNS, [row])
        return {"number": number, "messages": len(person.messages), "phones": len(person.phones)}

    def _approve(self, tx: Tx, request: dict[str, Any], name: str) -> dict[str, Any]:
        number, kind, subject = self._asked(tx, request, name)
        company = str(request["company"])
        person = _free(tx, company, kind, subject)
        names = erasing.names_in(tx, person)
        other = of_person(_key(tx, company), company, person.number, person.phones, names)
        changed = erasing.erase(tx, person, other)
        called = other.name if kind == erasing.ACCOUNT else other.phones[subject]
        self._decided(tx, number, ("done", called, name), dict(changed))
        files = len(archive.files(self.archive)) if self.archive is not None else 0
        return {"number": number, "called": called, "changed": dict(changed), "archives": files}

    def _refuse(self, tx: Tx, request: dict[str, Any], name: str) -> dict[str, Any]:
        number, _, subject = self._asked(tx, request, name)
        self._decided(tx, number, ("refused", subject, name), {})
        return {"number": number}

    def _asked(self, tx: Tx, request: dict[str, Any], name: str) -> tuple[int, str, str]:
        number = request.get("number")
        rows = tx.rows(
            "SELECT id, kind, subject, asked_by FROM erasure WHERE id = :id "
            "AND company = :company AND state = 'asked' FOR UPDATE",
            id=number if isinstance(number, int) else 0, company=str(request["company"]),
        )  # fmt: skip
        if not rows:
            raise ErasureError(f"no erasure {number} waits for a decision")
        ((id_, kind, subject, asked_by),) = rows
        if asked_by == name:
            raise ErasureError(f"{name} has asked for it: another person decides")
        return int(id_), str(kind), str(subject)

    def _decided(
        self, tx: Tx, number: int, said: tuple[str, str, str], changed: dict[str, int]
    ) -> None:
        state, subject, name = said
        tx.run(
            "UPDATE erasure SET state = :state, subject = :subject, decided_by = :name, "
            "decided_at = :now, changed = :changed WHERE id = :id",
            state=state, subject=subject, name=name, now=self.now_us(), id=number,
            changed=msgspec.json.encode(changed).decode(),
        )  # fmt: skip

    def _forget(self, tx: Tx, request: dict[str, Any], _name: str) -> dict[str, Any]:
        gone = tx.run("DELETE FROM setting WHERE name = :name", name=KEY + str(request["company"]))
        if not gone:
            raise ErasureError("there is no key: nobody was erased since it was forgotten")
        return {"number": 0}


def _free(tx: Reader, company: str, kind: str, subject: str) -> Person:
    """The person; ErasureError says everything that stands against it."""
    person = erasing.find(tx, company, kind, subject)
    if open_business := erasing.against(tx, person):
        raise ErasureError(f"not yet: {'; '.join(open_business)}")
    return person


def _key(tx: Tx, company: str) -> bytes:
    """The company's key, made when it is needed first."""
    name = KEY + company
    tx.insert(
        "setting", ("name", "value"), [(name, secrets.token_hex(32))],
        "ON CONFLICT (name) DO NOTHING",
    )  # fmt: skip
    return bytes.fromhex(tx.rows("SELECT value FROM setting WHERE name = :name", name=name)[0][0])


def listed(reader: Reader, company: str, limit: int) -> list[dict[str, Any]]:
    """The newest erasures of a company; whom one that waits is about is not shown."""
    names = [name for name in _COLUMNS if name != "subject"]
    rows = reader.rows(
        f"SELECT {', '.join(names)} FROM erasure WHERE company = :company "
        "ORDER BY id DESC LIMIT :limit", company=company, limit=limit,
    )  # fmt: skip
    return [dict(zip(names, row, strict=True)) for row in rows]
