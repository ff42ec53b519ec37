"""A master key's coming in: all components at one sitting, for nothing can wrap them yet.

It goes where the company's configuration says that it is. One that is there already is never
written over: every key in the key file would be lost with it.
"""

from collections.abc import Sequence

from core.sts.components import combined, component
from core.sts.errors import KeyFileError
from core.sts.keystore import MASTER_KEY_BYTES, unwrap_key
from hub.keys import files
from hub.keys.ceremony import Component, Vault
from hub.modules.settings import MasterKeySection

#: Its check value is made as that of a key of DKGA04: by HMAC-SHA-256.
LIKE = "04"
THE_KEY = "the master key"


def place_of(vault: Vault) -> MasterKeySection:
    """Where it shall be. Error: KeyFileError when it is there, or where nobody can put it."""
    section = vault.section
    chosen = section.master_key or MasterKeySection(file=section.master_key_file)
    if chosen.pkcs11:
        return chosen
    if not chosen.file:
        raise KeyFileError(
            f"[companies.{vault.code}] has its master key in the environment: name a file or a "
            "token (master_key).",
            where="master_key",
        )
    if vault.config.path(chosen.file).exists():
        raise KeyFileError(
            f"{chosen.file} is there: a master key is never written over.", where="master_key"
        )
    return chosen


def read(number: int, given: Component) -> bytes:
    """A component, checked; ``number`` counts from 1. Error: KeyComponentError."""
    of = f"component {number} of {THE_KEY}"
    return component(given.text, given.kcv, LIKE, MASTER_KEY_BYTES, of)


def whole(vault: Vault, components: Sequence[bytes], kcv: str) -> bytes:
    """The master key, which unwraps what is in the key file. Errors: StsError."""
    key = combined(components, kcv, LIKE, THE_KEY)
    for record in vault.file().keys:
        if record.wrapped:
            unwrap_key(key, record)
    return key


def store(vault: Vault, key: bytes) -> None:
    """Put it in its place. Errors: StsError, OSError, ModuleAwayError."""
    place = place_of(vault)
    if place.pkcs11:
        token = vault.token_of(place.pkcs11)
        from hub.modules.held import import_master

        import_master(token, key, place.label)
    else:
        files.write(vault.config.path(place.file), key.hex().upper() + "\n")
