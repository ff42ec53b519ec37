"""Imports that wait for somebody: beside the key file, components wrapped as its keys are.

The words that a component is wrapped with name its import and its place: none unwraps as another,
or as a key.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from core.sts.errors import KeyFileError
from core.sts.keystore import KEY_FILE_MAX, KeyRecord, Master, slot, unwrap_key, wrap_key
from hub.files import read_bytes
from hub.keys import files

#: Who has not come with his component in a week begins again; letters may travel for days.
WAITS = timedelta(days=7)
#: More than this waiting is a script gone wild.
MAX_WAITING = 50
VERSION = 1


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one person brought: ``kcv`` of the component, ``wrapped`` (hex; empty: no component)."""

    by: str
    kcv: str
    wrapped: str = ""


class Import(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key on its way: ``use`` has the check value of the whole key, and the wrapped key when it
    comes as a record. ``components``: how many make it; 0: it is a record that waits for a second
    person. ``replacing``: a wrong one. ``at``: when it began (RFC 3339)."""

    number: int
    use: KeyRecord
    components: int
    reason: str
    at: str
    parts: tuple[Part, ...]
    replacing: bool = False

    @property
    def people(self) -> tuple[str, ...]:
        """Who had a hand in it."""
        return tuple(part.by for part in self.parts)

    @property
    def left(self) -> int:
        """How many people are still to come."""
        return (self.components or 2) - len(self.parts)


class Waiting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file; ``last`` is the number of the newest import that ever was."""

    version: int = VERSION
    last: int = 0
    imports: tuple[Import, ...] = ()

    def find(self, number: int) -> Import | None:
        """The import of that number."""
        return next((each for each in self.imports if each.number == number), None)

    def without(self, number: int) -> "Waiting":
        """The file after an import is over."""
        left = tuple(each for each in self.imports if each.number != number)
        return msgspec.structs.replace(self, imports=left)

    def with_(self, one: Import) -> "Waiting":
        """The file with a new import, or with one that went on. Error: KeyFileError."""
        others = self.without(one.number).imports
        same = next((each for each in others if slot(each.use) == slot(one.use)), None)
        if same is not None:
            raise KeyFileError(
                f"Import {same.number} of the key of {one.use.name} is under way: approve it, or "
                "reject it first.",
                where=one.use.name,
            )
        if len(others) >= MAX_WAITING:
            raise KeyFileError(f"{MAX_WAITING} imports are under way already.", where="imports")
        imports = tuple(sorted((*others, one), key=lambda each: each.number))
        return Waiting(self.version, max(self.last, one.number), imports)


def path_of(keys: Path) -> Path:
    """Where the imports of a key file wait."""
    return keys.with_name(f"{keys.name}.waiting")


def read(keys: Path, now_us: int) -> Waiting:
    """What waits and has not lapsed. Errors: KeyFileError, UnreadableError."""
    path = path_of(keys)
    if not path.exists():
        return Waiting()
    try:
        found = msgspec.json.decode(read_bytes(path, KEY_FILE_MAX), type=Waiting)
    except msgspec.DecodeError as error:
        raise KeyFileError(f"{path} is no file of imports: {error}", where="file") from error
    if found.version != VERSION:
        raise KeyFileError(f"{path}: version {found.version} is not known.", where="version")
    since = datetime.fromtimestamp(now_us / 1_000_000, UTC) - WAITS
    open_ = tuple(each for each in found.imports if datetime.fromisoformat(each.at) > since)
    return msgspec.structs.replace(found, imports=open_)


def write(keys: Path, waiting: Waiting) -> None:
    """Write the file whole. Raises OSError."""
    text = msgspec.json.format(msgspec.json.encode(waiting), indent=2).decode()
    files.write(path_of(keys), text + "\n")


def sealed(master: Master, one: Import, place: int, component: bytes, by: str) -> Part:
    """A component as it waits; ``place`` counts from 1."""
    record = wrap_key(master, component, _as_component(one, place))
    return Part(by, record.kcv, record.wrapped)


def opened(master: Master, one: Import) -> list[bytes]:
    """The components of an import. Error: KeyFileError when one was changed."""
    return [
        unwrap_key(
            master,
            msgspec.structs.replace(_as_component(one, place), kcv=part.kcv, wrapped=part.wrapped),
        )
        for place, part in enumerate(one.parts, start=1)
    ]


def _as_component(one: Import, place: int) -> KeyRecord:
    company = f"{one.use.company} import {one.number} component {place}"
    return msgspec.structs.replace(one.use, company=company)
