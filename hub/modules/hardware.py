"""Which supply groups must have their keys in hardware, and whether they have.

Whoever has a vending key makes tokens for every meter of its supply group, and no log shows it. So
the keys of live meters belong where nobody can copy them. Keys that everybody knows, and companies
that sell nothing, are excused; who decides otherwise says so for the supply group, in writing.
"""

from collections.abc import Iterable

from core.sts.keystore import KeyRecord
from hub.config import CompanySection, Config
from hub.modules.settings import HARDWARE, NETWORK


def module_of(section: CompanySection, sgc: str) -> str:
    """The name of the module that has the keys of a supply group."""
    group = section.supply_groups.get(sgc)
    return (group.module if group else "") or section.module


def is_hardware(config: Config, module: str) -> bool:
    """Whether the keys of this module cannot be copied."""
    box = config.channels.get(module)
    if box is not None and box.kind == NETWORK:
        return True
    known = config.modules.get(module)
    return known is not None and known.kind in HARDWARE


def needs_hardware(section: CompanySection, record: KeyRecord) -> bool:
    """Whether this key must be in hardware: as its supply group says, else unless it is of tests.

    The standard knows no range of supply groups for tests: a key is one of tests by the mark that
    its wrapping seals, or by its company's.
    """
    group = section.supply_groups.get(record.sgc)
    if group is not None and group.require_hardware_module is not None:
        return group.require_hardware_module
    return not (section.test or record.test)


def unsafe_groups(
    config: Config, section: CompanySection, records: Iterable[KeyRecord]
) -> list[str]:
    """A sentence for each supply group whose keys are not where they must be."""
    unsafe: dict[str, set[str]] = {}
    for record in records:
        if needs_hardware(section, record) and not is_hardware(
            config, module_of(section, record.sgc)
        ):
            unsafe.setdefault(record.sgc, set()).add(record.dkga)
    return [f"supply_groups.{sgc}: {_what_to_do(dkga)}" for sgc, dkga in sorted(unsafe.items())]


def _what_to_do(dkga: set[str]) -> str:
    where = f"a [channels.X] of kind {NETWORK}"
    if "02" not in dkga:  # which no token derives
        where += f", or a [modules.X] of kind {' or '.join(sorted(HARDWARE))}"
    return (
        f"its keys must be in a hardware module: module = {where}, "
        "and move them there (wattbus keys import --help); or take the risk in writing: "
        "require_hardware_module = false"
    )
