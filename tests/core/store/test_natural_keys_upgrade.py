"""Payments of before get their natural keys; of two of one number the first has it."""

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from core.store.invariants import offences
from core.store.upgrade import _config, _engine, open_store, upgrade
from tests.servers.postgres import Postgres

#: number, way, desk, reference, state
OLD = (
    ("P1", "transfer", "main", "FT-1", "received"),
    ("P2", "transfer", " main", "FT-1 ", "received"),
    ("P3", "transfer", "main", "FT-2", "reversed"),
    ("P4", "transfer", "main", "FT-2", "received"),
    ("P5", "transfer", "ma/in%", "a/b%", "received"),
    ("P6", "cash", "main", "", "received"),
    ("P7", "cash", "main", "x" * 141, "received"),
)


def before(url: str) -> None:
    """The schema of the version before, with payments in it."""
    engine, config = _engine(url), _config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0010")
        for id_, (number, way, desk, reference, state) in enumerate(OLD, start=1):
            connection.execute(
                text(
                    "INSERT INTO payment (id, company, number, currency, amount, way, desk, "
                    "reference, rule, state, txn_id, clear_txn_id, message_id, received_at, "
                    "decided_at) VALUES (:id, 'demo', :number, 'UGX', 1, :way, :desk, :reference, "
                    "'{}', :state, :id, 0, :number, 1, 0)"
                ),
                {"id": id_, "number": number, "way": way, "desk": desk, "reference": reference,
                 "state": state},
            )  # fmt: skip
        connection.commit()
    engine.dispose()


def keyed(url: str) -> None:
    """After the upgrade."""
    upgrade(url)
    store = open_store(url)
    with store.reader() as reader:
        assert reader.rows("SELECT number, identity FROM payment ORDER BY id") == [
            ("P1", "paid/transfer/main/FT-1"),
            ("P2", ""),
            ("P3", ""),
            ("P4", "paid/transfer/main/FT-2"),
            ("P5", "paid/transfer/ma%2Fin%25/a%2Fb%25"),
            ("P6", ""),
            ("P7", ""),
        ]
        found = [x for x in offences(reader, store.dialect) if x.invariant == "payment-once"]
        assert [x.what for x in found] == ["payment P2"], "somebody must look at it"
        assert "first as P1" in found[0].detail
    store.close()


def test_on_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'old.db'}"
    before(url)
    keyed(url)


@pytest.mark.slow
def test_on_postgresql(postgres: Postgres) -> None:
    url = postgres.prepared("natural_keys", before)
    keyed(url)
    postgres.drop(url)
