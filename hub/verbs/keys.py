"""``wattbus keys``: which vending keys there are, and how new ones come in, by two people."""

import json
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from core.sts.components import COMPONENTS, check_value
from core.sts.errors import KeyFileError, ModuleAwayError, StsError
from core.sts.keystore import KeyRecord, load_key_file, slot
from core.sts.tid import KEN_MAX
from hub.config import Config, ConfigError
from hub.control import ControlError
from hub.engine import EngineError
from hub.files import UnreadableError, read_bytes, read_text
from hub.keys import ceremony, files, master, waiting
from hub.keys.alone import record_alone
from hub.keys.ceremony import Asked, Component, Vault
from hub.keys.custodians import Custodian
from hub.keys.waiting import Import, Part
from hub.modules.hardware import module_of
from hub.modules.opening import token_opener
from hub.modules.settings import VIRTUAL
from hub.verbs._shared import (
    DEFAULT,
    CompanyOption,
    ConfigOption,
    JsonOption,
    OperatorOption,
    ask_hub,
    company_of,
    configuration,
    die,
    operator_name,
    passphrase,
)

NAME = "keys"
app = typer.Typer(
    help="Vending keys: which there are, and new ones, brought by two people with the role "
    "key-custodian (\\[operators.NAME]). Only check values are shown. See docs/keys.md.",
    no_args_is_help=True,
)

ComponentFile = Annotated[
    Path | None,
    typer.Option("--component", help="A file with your component in hex; else it is asked for."),
]
ComponentValue = Annotated[
    str, typer.Option("--component-check-value", help="Your component's; else it is asked for.")
]
CheckValue = Annotated[
    str, typer.Option("--check-value", help="The whole key's, six hex digits; else asked for.")
]
Why = Annotated[str, typer.Option("--reason", help="Why; it goes on record.")]
Number = Annotated[int, typer.Argument(help="The import's number, as import and list show it.")]

#: A component in hex, with blanks: a file beyond this is another one.
MAX_COMPONENT = 1_000
_TROUBLE = (
    StsError, ModuleAwayError, ConfigError, ControlError, EngineError, UnreadableError, OSError,
)  # fmt: skip


@contextmanager
def _sentences() -> Iterator[None]:
    """What goes wrong is said in its sentence: exit 1."""
    try:
        yield
    except _TROUBLE as error:
        die(str(error))


@dataclass(frozen=True, slots=True)
class Table:
    """Who sits there, and the vault that is worked on."""

    vault: Vault
    who: Custodian

    def record(self, step: str, detail: dict[str, Any]) -> None:
        """A row of the audit trail, by the hub where one runs. Exits with 1 when it says no."""
        config, who = self.vault.config, self.who
        if not _hub_runs(config):
            record_alone(config, who, step, detail, self.vault.now_us)
            return
        request = {"do": "key", "step": step, "company": who.company, "operator": who.name}
        ask_hub(config, {**request, "secret": who.secret, "detail": detail})


def _hub_runs(config: Config) -> bool:
    """Whether somebody answers at the control socket."""
    path = config.path(config.hub.data) / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        try:
            link.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        link.sendall(b'{"do": "status"}\n')
        return bool(link.makefile("rb").readline())


def _table(config: Path, company: str, operator: str) -> Table:
    settings = configuration(config)
    code = company_of(settings, company)
    return Table(_vault(settings, code), _custodian(settings, code, operator))


def _vault(settings: Config, code: str) -> Vault:
    return Vault(settings, code, token_opener(settings, writable=True), time.time_ns() // 1_000)


def _custodian(settings: Config, code: str, operator: str) -> Custodian:
    name = operator_name(operator)
    return Custodian(name, passphrase(settings, name), code)


# --- what there is -------------------------------------------------------------------------------


@app.command("list")
def list_them(
    config: ConfigOption = DEFAULT, company: CompanyOption = "", as_json: JsonOption = False
) -> None:
    """List the keys with their check values and where they are, and the imports that wait."""
    settings = configuration(config)
    code = company_of(settings, company)
    vault = _vault(settings, code)
    with _sentences():
        records = [record for record in vault.file().keys if record.company == code]
        imports = waiting.read(vault.path, vault.now_us).imports
    imports = tuple(one for one in imports if one.use.company == code)
    shown = [_shown(vault, record) for record in records]
    under_way = [_under_way(one) for one in imports]
    if as_json:
        typer.echo(json.dumps({"keys": shown, "imports": under_way}))
        return
    for key in shown:
        end = f", until {key['expires']}" if key["expires"] else ""
        test = ", test key" if key["test"] else ""
        typer.echo(
            f"SGC {key['sgc']} KRN {key['krn']} KT {key['kt']}  DKGA{key['dkga']}  base "
            f"{key['base']}  KEN {key['ken']}  KCV {key['kcv']}  {key['where']}{test}{end}"
        )
    for one in under_way:
        typer.echo(
            f"import {one['import']} of SGC {one['sgc']} KRN {one['krn']} KT {one['kt']}, KCV "
            f"{one['kcv']}: {one['left']} more to come, after {', '.join(one['people'])}"
        )
    if not (shown or under_way):
        typer.echo("no keys")


def _shown(vault: Vault, record: KeyRecord) -> dict[str, Any]:
    module = module_of(vault.section, record.sgc)
    where = "key file" if module == VIRTUAL else f"module {module}"
    return {
        **_address(record),
        "dkga": record.dkga,
        "base": record.base,
        "ken": record.ken,
        "expires": record.expires,
        "test": record.test,
        "where": where,
    }


def _address(record: KeyRecord) -> dict[str, Any]:
    return {"sgc": record.sgc, "krn": record.krn, "kt": record.kt, "kcv": record.kcv}


def _under_way(one: Import) -> dict[str, Any]:
    people = list(one.people)
    return {"import": one.number, **_address(one.use), "people": people, "left": one.left}


# --- a key comes in ------------------------------------------------------------------------------


@app.command("import")
def import_(
    sgc: Annotated[str, typer.Option(help="Supply group code, six digits.")],
    krn: Annotated[int, typer.Option(help="Key revision number, 1 to 9.")],
    reason: Why,
    config: ConfigOption = DEFAULT,
    kt: Annotated[int, typer.Option(help="Key type: 2 unique, 1 default, 3 common.")] = 2,
    dkga: Annotated[str, typer.Option(help="04, or 02.")] = "04",
    base: Annotated[int, typer.Option(help="Base date: 1993, 2014 or 2035.")] = 2014,
    ken: Annotated[int, typer.Option(help="Key expiry number, 0 to 255.")] = KEN_MAX,
    expires: Annotated[str, typer.Option(help="Last day (UTC) of its use, YYYY-MM-DD.")] = "",
    test: Annotated[bool, typer.Option("--test", help="A test key, of a test company.")] = False,
    components: Annotated[int, typer.Option(help="In how many it comes: 2 or 3.")] = 2,
    record: Annotated[
        Path | None,
        typer.Option(help="A key file that has it wrapped under this company's master key."),
    ] = None,
    check: CheckValue = "",
    component: ComponentFile = None,
    component_check: ComponentValue = "",
    replace: Annotated[bool, typer.Option("--replace", help="In place of a wrong one.")] = False,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Begin to bring in a key: the first component, or a wrapped record (--record)."""
    table = _table(config, company, operator)
    code, given = table.vault.code, None
    with _sentences():
        if record is not None:
            use = _recorded(record, (code, sgc, krn, kt))
        else:
            kcv = check_value(check or _asked("Check value of the whole key"), "the key")
            use = KeyRecord(code, sgc, krn, kt, dkga, base, kcv, "", ken, expires or None, test)
        ceremony.check_use(table.vault, use, replacing=replace)
        if record is None:
            given = _component(component, component_check)
        asked = Asked(use, table.who.name, reason, components if given else 0, replace)
        with files.locked(table.vault.path):
            one, part = ceremony.begin(table.vault, asked, given)
            table.record("key-import", _detail(table.vault, one, part))
            one = ceremony.wait(table.vault, one, part)
    _tell_waiting(one, as_json)


def _recorded(path: Path, wanted: tuple[str, str, int, int]) -> KeyRecord:
    """The record of a key file, which is wrapped in it."""
    records = load_key_file(read_bytes(path)).keys
    found = next((each for each in records if slot(each) == wanted and each.wrapped), None)
    if found is None:
        code, sgc, krn, kt = wanted
        raise KeyFileError(
            f"{path} has no wrapped key of {code} SGC {sgc} KRN {krn} KT {kt}.", where="record"
        )
    return found


@app.command()
def approve(
    number: Number,
    config: ConfigOption = DEFAULT,
    check: CheckValue = "",
    component: ComponentFile = None,
    component_check: ComponentValue = "",
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Go on with an import, as another person: with the next component, or for a wrapped record
    with its check value from the letter. After the last one the key is in its place."""
    table = _table(config, company, operator)
    vault, by = table.vault, table.who.name
    with _sentences():
        one = ceremony.open_import(vault, number, by)
        given = _component(component, component_check) if one.components else None
        kcv = "" if given else check or _asked(f"Check value of the key of {one.use.name}")
        with files.locked(vault.path):
            one = ceremony.open_import(vault, number, by)
            if given:
                part, key = ceremony.go_on(vault, one, given, by)
            else:
                part, key = ceremony.agree(vault, one, kcv, by)
            ceremony.check_use(vault, one.use, replacing=one.replacing)
            step = "key-approve" if key else "key-component"
            table.record(step, _detail(vault, one, part))
            if not key:
                one = ceremony.wait(vault, one, part)
            else:
                done = ceremony.store(vault, one, key)
    if not key:
        _tell_waiting(one, as_json)
        return
    shown = _shown(vault, done)
    typer.echo(
        json.dumps({"import": number, **shown})
        if as_json
        else f"the key of {done.name}, KCV {done.kcv}, is in the {shown['where']}; "
        "the hub takes it when it starts again"
    )


@app.command()
def reject(
    number: Number,
    reason: Why,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    company: CompanyOption = "",
) -> None:
    """End an import: what was brought so far is forgotten."""
    table = _table(config, company, operator)
    vault = table.vault
    with _sentences(), files.locked(vault.path):
        one = ceremony.find(vault, number)
        detail = {"import": number, **_address(one.use), "reason": reason}
        table.record("key-reject", detail)
        ceremony.drop(vault, number)
    typer.echo(f"import {number} of the key of {one.use.name} is over")


def _detail(vault: Vault, one: Import, part: Part) -> dict[str, Any]:
    """What goes on record: check values only."""
    use = one.use
    detail = {
        "import": one.number,
        **_address(use),
        "dkga": use.dkga,
        "base": use.base,
        "ken": use.ken,
        "module": module_of(vault.section, use.sgc),
        "reason": one.reason,
    }
    if one.components:
        detail |= {"component": len(one.parts) + 1, "components": one.components}
        detail["component_kcv"] = part.kcv
    if one.replacing:
        detail["replace"] = True
    return detail


def _tell_waiting(one: Import, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_under_way(one)))
        return
    typer.echo(
        f"import {one.number} of the key of {one.use.name}, KCV {one.use.kcv}, waits for "
        f"{one.left} more: wattbus keys approve {one.number}"
    )


# --- a master key --------------------------------------------------------------------------------


@app.command("master")
def master_key(
    reason: Why,
    custodian: Annotated[list[str], typer.Option(help="Who brings a component, in order.")],
    config: ConfigOption = DEFAULT,
    check: CheckValue = "",
    component: Annotated[
        list[Path] | None, typer.Option(help="Files with the components; else asked for.")
    ] = None,
    component_check: Annotated[
        list[str] | None, typer.Option("--component-check-value", help="Theirs, in that order.")
    ] = None,
    company: CompanyOption = "",
) -> None:
    """Bring in a company's first master key: everybody with a component, at one sitting."""
    settings = configuration(config)
    vault = _vault(settings, company_of(settings, company))
    if len(set(custodian)) != len(custodian) or len(custodian) not in COMPONENTS:
        die("two or three --custodian, each another person", 2)
    paths = [*(component or []), None, None, None]
    values = [*(component_check or []), "", "", ""]
    with _sentences():
        master.place_of(vault)
        kcv = check_value(check or _asked("Check value of the whole key"), master.THE_KEY)
        parts = []
        for number, name in enumerate(custodian, start=1):
            if not paths[number - 1]:
                typer.echo(f"component {number}: {name}")
            table = Table(vault, _custodian(settings, vault.code, name))
            given = _component(paths[number - 1], values[number - 1])
            parts.append((table, given, master.read(number, given)))
        key = master.whole(vault, [value for *_, value in parts], kcv)
        for number, (table, given, _) in enumerate(parts, start=1):
            told = {"component": number, "components": len(parts), "kcv": kcv, "reason": reason}
            told["component_kcv"] = check_value(given.kcv, "a component")
            table.record("master-key", told)
        master.store(vault, key)
    typer.echo(f"the master key of {vault.code}, KCV {kcv}, is in its place")


# --- at the keyboard -----------------------------------------------------------------------------


def _component(path: Path | None, kcv: str) -> Component:
    """A component from its file, or typed without echo."""
    if path is None:
        if not sys.stdin.isatty():
            die("the component is needed: at a terminal, or from a file (--component)", 2)
        text = str(typer.prompt("Component (hex, not shown)", hide_input=True))
    else:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            die(f"{path} can be read by others: chmod 600, and shred it when you are done")
        text = read_text(path, MAX_COMPONENT)
    return Component(text, kcv or _asked("Check value of the component"))


def _asked(prompt: str) -> str:
    if not sys.stdin.isatty():
        die(f"{prompt.lower()} is needed: --check-value, --component-check-value", 2)
    return str(typer.prompt(prompt))
