"""From the configuration to a company's security module: which key is where, opened and checked."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from core.sts.errors import ModuleAwayError
from core.sts.keys import DecoderKeyOf
from core.sts.keystore import MASTER_KEY_BYTES, KeyRecord, Master, load_key_file, unwrap_key
from core.sts.module import KeyAddress, VirtualModule
from core.sts.remote import RemoteModule
from core.sts.sta import SAMPLE_TABLES, Tables, load_tables
from hub.config import CompanySection, Config, ConfigError
from hub.files import UnreadableError, private, read_bytes, read_text
from hub.modules.hardware import module_of, unsafe_groups
from hub.modules.settings import NETWORK, VIRTUAL, MasterKeySection

if TYPE_CHECKING:
    from hub.modules.pkcs11 import Pkcs11Token

#: Where the master key comes from when the configuration says nothing.
MASTER_KEY = "WATTBUS_MASTER_KEY"

#: The token of a ``[modules.X]``: the same object every time, as it has one session.
TokenOf = Callable[[str], "Pkcs11Token"]


def token_opener(config: Config, writable: bool = False) -> TokenOf:
    """The tokens of a configuration, by name; each connects when it is first asked."""

    @cache
    def token_of(name: str) -> "Pkcs11Token":
        try:
            from hub.modules.pkcs11 import Pkcs11Token, Place
        except ModuleNotFoundError as error:
            raise ConfigError(
                [f"[modules.{name}] needs python-pkcs11: install wattbus[pkcs11] ({error})"]
            ) from error
        section = config.modules[name]

        def pin() -> str:
            try:
                if section.pin_file:
                    return read_text(config.path(section.pin_file)).strip()
                return os.environ[section.pin_env]
            except UnreadableError as error:
                raise UnreadableError(f"[modules.{name}] pin_file: {error}") from error
            except KeyError:
                nothing = f"[modules.{name}] pin_env: no {section.pin_env} in the environment"
                raise UnreadableError(nothing) from None

        place = Place(name, section.library, section.token, section.slot, pin, section.timeout_s)
        return Pkcs11Token(place, writable)

    return token_of


def master_key(config: Config, section: CompanySection, token_of: TokenOf) -> Master:
    """The key that wraps the vending keys. Errors: ConfigError, OSError, those of the token."""
    chosen = section.master_key
    if chosen is None:
        file = section.master_key_file
        chosen = MasterKeySection(file=file, env="" if file else MASTER_KEY)
    if chosen.pkcs11:
        from hub.modules.held import master_of

        return master_of(token_of(chosen.pkcs11), chosen.label)
    if chosen.file and not section.test:
        private(config.path(chosen.file))
    text = read_text(config.path(chosen.file)) if chosen.file else os.environ.get(chosen.env, "")
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        where = chosen.file or f"the environment's {chosen.env}"
        raise ConfigError([f"the master key must be {MASTER_KEY_BYTES * 2} hex digits, in {where}"])
    return key


def open_company_module(
    config: Config, code: str, section: CompanySection, token_of: TokenOf
) -> VirtualModule:
    """A company's module, with keys from its key file and from tokens.

    Error: ConfigError, which names the section and key at fault.
    """
    with _at(f"keys = {section.keys!r}"):
        records = load_key_file(read_bytes(config.path(section.keys))).keys
    _check_groups(config, section, records)

    @cache
    def master() -> Master:  # not asked for when every key is in a token
        with _at("master_key" if section.master_key else "master_key_file"):
            return master_key(config, section, token_of)

    def opened(record: KeyRecord) -> bytes | DecoderKeyOf:
        module = module_of(section, record.sgc)
        if module == VIRTUAL:
            wrapping = master()
            with _at(f"keys = {section.keys!r}"):
                return unwrap_key(wrapping, record)
        token = token_of(module)
        from hub.modules.held import decoder_keys

        with _at(f"[modules.{module}], for supply group {record.sgc}"):
            return decoder_keys(token, record)

    known = boxes(config, code)
    keys = [(r, opened(r)) for r in records if module_of(section, r.sgc) not in known]
    tested = {code} if section.test else set()
    # One name wherever the keys are: the chain of its log goes on when a key moves into a token.
    return VirtualModule(f"virtual-{code}", keys, _tables(config, section), tested)


def remote_modules(config: Config, code: str, section: CompanySection) -> dict[str, RemoteModule]:
    """Supply group -> the module on the network that holds its keys; the key file has the records.

    Errors: ConfigError, OSError, StsError.
    """
    known = boxes(config, code)
    found: dict[str, dict[KeyAddress, KeyRecord]] = {}
    if known:
        for record in load_key_file(read_bytes(config.path(section.keys))).keys:
            module = module_of(section, record.sgc)
            if module in known:
                found.setdefault(module, {})[record.sgc, record.krn, record.kt] = record
    return {
        sgc: RemoteModule(name, keys)
        for name, keys in found.items()
        for sgc in {address[0] for address in keys}
    }


def boxes(config: Config, code: str) -> set[str]:
    """A company's channels to security modules on the network."""
    return {
        name
        for name, channel in config.channels.items()
        if channel.kind == NETWORK and channel.company == code
    }


@contextmanager
def _at(place: str) -> Iterator[None]:
    """What goes wrong within names the place of the configuration that is at fault."""
    try:
        yield
    except (OSError, ValueError, ConfigError, ModuleAwayError) as error:
        raise ConfigError([f"{place}: {line}" for line in str(error).splitlines()]) from error


def _check_groups(config: Config, section: CompanySection, records: tuple[KeyRecord, ...]) -> None:
    """A slip in a supply group's code would leave its keys where they are, and say nothing."""
    known = sorted({record.sgc for record in records})
    problems = [
        f"supply_groups.{sgc}: no key of this supply group in {section.keys} "
        f"(there: {', '.join(known)})"
        for sgc in section.supply_groups
        if sgc not in known
    ]
    problems += unsafe_groups(config, section, records)
    if problems:
        raise ConfigError(problems)


def _tables(config: Config, section: CompanySection) -> Tables:
    if section.sta_tables:
        return load_tables(read_text(config.path(section.sta_tables)))
    return SAMPLE_TABLES
