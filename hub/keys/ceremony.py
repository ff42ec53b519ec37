"""The steps of a key's coming in, each by another person; what they say is check values only.

A key arrives as two or three components, or as a record that is wrapped under the company's master
key (of a key file: from a backup, or from the file so far when a key moves into a token). It ends
in the company's key file, wrapped, or in the PKCS#11 token that the configuration names for its
supply group, with a record that shows its check value. Nothing is written before everything fits.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from core.sts.components import COMPONENTS, check_value, combined, component
from core.sts.errors import KeyFileError
from core.sts.keys import VENDING_KEY_BYTES
from core.sts.keystore import (
    KEY_FILE_VERSION,
    KeyFile,
    KeyRecord,
    Master,
    check_record,
    dump_key_file,
    load_key_file,
    replaced,
    slot,
    unwrap_key,
    wrap_key,
)
from hub.config import CompanySection, Config
from hub.files import read_bytes
from hub.keys import files, waiting
from hub.keys.waiting import Import, Part
from hub.modules.hardware import module_of, unsafe_groups
from hub.modules.opening import TokenOf, master_key
from hub.modules.settings import VIRTUAL


@dataclass(frozen=True, slots=True)
class Component:
    """What a person typed in: the digits and their check value."""

    text: str
    kcv: str


@dataclass(frozen=True, slots=True)
class Vault:
    """Where a company's keys are. ``token_of``: tokens that may be written."""

    config: Config
    code: str
    token_of: TokenOf
    now_us: int

    @property
    def section(self) -> CompanySection:
        """The company as it is configured."""
        return self.config.companies[self.code]

    @property
    def path(self) -> Path:
        """The key file."""
        return self.config.path(self.section.keys)

    def file(self) -> KeyFile:
        """The keys so far; none without a file. Errors: KeyFileError, UnreadableError."""
        if not self.path.exists():
            return KeyFile(KEY_FILE_VERSION, ())
        return load_key_file(read_bytes(self.path))

    def master(self) -> Master:
        """The master key. Errors: ConfigError, UnreadableError, those of the token."""
        return master_key(self.config, self.section, self.token_of)

    def write(self, file: KeyFile) -> None:
        """The new file in the old one's place, which keeps another name. Raises OSError."""
        files.keep(self.path, self.now_us)
        files.write(self.path, dump_key_file(file))


@dataclass(frozen=True, slots=True)
class Asked:
    """A key that shall come in: ``use`` with its check value (and wrapped, when it is a record),
    who begins and why, in how many ``components`` (0: it is a record), and whether it takes the
    place of a wrong one."""

    use: KeyRecord
    by: str
    reason: str
    components: int = 0
    replacing: bool = False


def check_use(vault: Vault, use: KeyRecord, *, replacing: bool = False) -> None:
    """Whether this key may come in at all. Errors: KeyFileError, those of `check_record`."""
    check_record(use)
    section, module = vault.section, module_of(vault.section, use.sgc)
    if use.test and not section.test:
        raise KeyFileError(
            f"{use.name} would be a test key, and the company is not marked as test.", where="test"
        )
    unsafe = unsafe_groups(vault.config, section, [use])
    if unsafe:
        raise KeyFileError(f"[companies.{vault.code}] {unsafe[0]}", where="module")
    if module != VIRTUAL:
        kind = vault.config.modules[module].kind
        if kind != "pkcs11":
            raise KeyFileError(
                f"The keys of {use.name} are in [modules.{module}], of kind {kind}: they are "
                "brought in there, by its own tools.",
                where="module",
            )
        if use.dkga != "04":
            raise KeyFileError(
                f"The key of {use.name} is of DKGA{use.dkga}: only DKGA04 can be derived inside "
                "a PKCS#11 token.",
                where="dkga",
            )
    known = next((each for each in vault.file().keys if slot(each) == slot(use)), None)
    if known is not None and known.kcv != use.kcv and not replacing:
        raise KeyFileError(
            f"There is a key of {use.name} with the check value {known.kcv}: meters take tokens "
            "of one of the two. Say --replace if that one is wrong.",
            where=use.name,
        )


def begin(vault: Vault, asked: Asked, given: Component | None) -> tuple[Import, Part]:
    """An import and its first part, checked and not written; ``given`` is None for a record.

    Errors: StsError, ConfigError, ModuleAwayError.
    """
    use = asked.use
    found = waiting.read(vault.path, vault.now_us)
    at = datetime.fromtimestamp(vault.now_us // 1_000_000, UTC).isoformat()
    one = Import(found.last + 1, use, asked.components, asked.reason, at, (), asked.replacing)
    found.with_(one)  # whether there is room
    if given is None:
        unwrap_key(vault.master(), use)  # it is what it says, and ours
        return one, Part(asked.by, use.kcv)
    if asked.components not in COMPONENTS:
        raise KeyFileError("A key comes in two or three components.", where="components")
    return one, _part(vault, one, given, asked.by)


def _part(vault: Vault, one: Import, given: Component, by: str) -> Part:
    return waiting.sealed(vault.master(), one, len(one.parts) + 1, _clear(one, given), by)


def _clear(one: Import, given: Component) -> bytes:
    use, place = one.use, len(one.parts) + 1
    of = f"component {place} of the key of {use.name}"
    return component(given.text, given.kcv, use.dkga, VENDING_KEY_BYTES[use.dkga], of)


def open_import(vault: Vault, number: int, by: str) -> Import:
    """The import that this person may go on with. Error: KeyFileError."""
    one = find(vault, number)
    if by in one.people:
        raise KeyFileError(
            f"Import {number} needs another person: {by} had a hand in it.", where="operator"
        )
    return one


def find(vault: Vault, number: int) -> Import:
    """The import of this number. Error: KeyFileError."""
    one = waiting.read(vault.path, vault.now_us).find(number)
    if one is None or one.use.company != vault.code:
        raise KeyFileError(
            f"No import {number} waits: it is done, rejected, or lapsed after "
            f"{waiting.WAITS.days} days.",
            where="import",
        )
    return one


def go_on(vault: Vault, one: Import, given: Component, by: str) -> tuple[Part, bytes]:
    """The next part, and the key (empty while components are missing). Errors: StsError."""
    value = _clear(one, given)
    part = _part(vault, one, given, by)
    if one.left > 1:
        return part, b""
    master = vault.master()
    parts = [*waiting.opened(master, one), value]
    return part, combined(parts, one.use.kcv, one.use.dkga, f"the key of {one.use.name}")


def agree(vault: Vault, one: Import, kcv: str, by: str) -> tuple[Part, bytes]:
    """The second person's part for a wrapped record, and its key. Errors: StsError."""
    wanted = check_value(kcv, f"the key of {one.use.name}")
    if wanted != one.use.kcv:
        raise KeyFileError(
            f"The record of {one.use.name} has the check value {one.use.kcv}, not {wanted}: "
            "nothing was written.",
            where="kcv",
        )
    return Part(by, wanted), unwrap_key(vault.master(), one.use)


def wait(vault: Vault, one: Import, part: Part) -> Import:
    """Keep a part until the next person comes. Errors: KeyFileError, OSError."""
    one = replace(one, parts=(*one.parts, part))
    waiting.write(vault.path, waiting.read(vault.path, vault.now_us).with_(one))
    return one


def drop(vault: Vault, number: int) -> None:
    """An import is over. Raises OSError."""
    waiting.write(vault.path, waiting.read(vault.path, vault.now_us).without(number))


def store(vault: Vault, one: Import, key: bytes) -> KeyRecord:
    """Put the key where its supply group's keys are; the record shows its check value.

    The key file is written last: a token may have a key that no record names, never the other way
    round. Errors: StsError, OSError, ModuleAwayError.
    """
    use = replace(one.use, wrapped="")
    module = module_of(vault.section, use.sgc)
    if module == VIRTUAL:
        record = wrap_key(vault.master(), key, use)
    else:
        token = vault.token_of(module)
        from hub.modules.held import installed

        record = installed(token, key, use)
    vault.write(replaced(vault.file(), record))
    drop(vault, one.number)
    return record
