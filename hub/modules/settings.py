"""What the configuration says of modules: which hold keys, and whose supply groups they serve."""

from collections.abc import Collection, Iterator
from typing import Annotated, Literal

import msgspec

from core.company import KeyChangePolicy

#: The name of the module in this process: keys from the key file, unwrapped at start.
VIRTUAL = "virtual"

#: The kind of the channels that speak to a security module on the network: a supply group may name
#: one as its module.
NETWORK = "security_module"
#: Kinds of modules whose keys nobody can copy: a further kind is one word here.
HARDWARE = frozenset({"pkcs11"})

#: A section's key and what is wrong with it.
Complaint = tuple[str, str]


class Pkcs11Section(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[modules.X]``, kind ``pkcs11``: a token of a PKCS#11 library. The PIN is never here."""

    kind: Literal["pkcs11"]
    library: str
    token: str  # its label
    slot: int | None = None  # its slot's number, when two tokens have one label
    pin_file: str = ""
    pin_env: str = ""
    # A token in the machine answers within milliseconds, one in the network within some hundred.
    # A call that could not be foreseen is made inside a batch: PostgreSQL ends a session that is
    # idle in it for 8 s.
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=5)] = 5.0


class MasterKeySection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``master_key`` of a company: one of a file, an environment variable (64 hex digits each) or
    a module of kind ``pkcs11``, in which the key has this label."""

    file: str = ""
    env: str = ""
    pkcs11: str = ""
    label: str = ""


class SupplyGroupSection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[companies.X.supply_groups.SGC]``: what differs from the company for one supply group."""

    module: str = ""
    key_change: KeyChangePolicy = "tell"
    require_hardware_module: bool | None = None  # not said: where keys are not those of tests


#: Names of the sections that are there, right or wrong.
Modules = Collection[str]


def check_module(name: str, section: Pkcs11Section) -> Iterator[Complaint]:
    """What a module's section says wrong."""
    if name == VIRTUAL:
        yield "", f"[modules.{name}]: {VIRTUAL} is the name of the module in this process"
    if bool(section.pin_file) == bool(section.pin_env):
        yield "pin_file", f"[modules.{name}] needs one of pin_file and pin_env"


def check_master_key(where: str, key: MasterKeySection, modules: Modules) -> Iterator[Complaint]:
    """What a company's ``master_key`` says wrong; ``where`` is the company's section."""
    if sum(map(bool, (key.file, key.env, key.pkcs11))) != 1:
        yield "master_key", f"[{where}] master_key needs one of file, env and pkcs11"
    if key.pkcs11:
        yield from check_module_name(where, "master_key", key.pkcs11, modules)
    if bool(key.pkcs11) != bool(key.label):
        yield "master_key", f"[{where}] master_key: pkcs11 and label belong together"


def check_module_name(where: str, key: str, name: str, modules: Modules) -> Iterator[Complaint]:
    """Whether a named module is declared."""
    if name not in modules:
        known = ", ".join(modules) or "none"
        yield key, f"[{where}] {key}: no [modules.{name}] (known: {known})"


def check_group(
    where: str, sgc: str, group: SupplyGroupSection, modules: Modules
) -> Iterator[Complaint]:
    """What a supply group's section says wrong; ``where`` is that section."""
    if not (len(sgc) == 6 and sgc.isascii() and sgc.isdigit()):
        yield "", f"[{where}]: a supply group code has 6 digits"
    if group.module not in ("", VIRTUAL):
        yield from check_module_name(where, "module", group.module, modules)
