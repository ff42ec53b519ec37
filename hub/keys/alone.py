"""The record of a step with a key where no hub runs: it may not start without its keys.

The verb makes sure who it is, and writes the row into a chain of its own (the hub may start at the
same moment), on SQLite as the only process that has the database.
"""

from typing import Any

from core.store.tx import StoreError
from core.store.upgrade import is_sqlite, open_store, sqlite_path
from hub import audit
from hub.config import Config
from hub.engine import EngineError, lock_file
from hub.installed import check_schema
from hub.keys.custodians import Custodian, act_of, check
from hub.operators import Identity


def record_alone(
    config: Config, who: Custodian, step: str, detail: dict[str, Any], now_us: int
) -> None:
    """The row where no hub runs. Raises ControlError, EngineError (somebody does write)."""
    check(Identity.of(config), who)
    act = act_of(f"{who.name} without a hub", who, step, detail)
    url = config.database_url()
    lock = lock_file(sqlite_path(url)) if is_sqlite(url) else None
    try:
        check_schema(url)
        store = open_store(url, "wattbus-keys")
        try:
            with store.transaction() as tx:
                audit.append(tx, f"{config.hub.name}-keys", [act], now_us)
        finally:
            store.close()
    except StoreError as error:
        raise EngineError(f"the database does not answer: {error}") from error
    finally:
        if lock is not None:
            lock.close()
