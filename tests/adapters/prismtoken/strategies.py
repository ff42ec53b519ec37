"""Hypothesis makes structs from the very field tables: a new field is tested by being written."""

from typing import Any

from hypothesis import strategies as st

from adapters.prismtoken.tables import Kind, Struct, WireType, table

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
_INTEGERS = {WireType.I16: 15, WireType.I32: 31, WireType.I64: 63}


def values(kind: Kind) -> st.SearchStrategy[Any]:
    """Any value of a kind."""
    bits = _INTEGERS.get(kind.wire)
    if bits is not None:
        return st.integers(-(2**bits), 2**bits - 1)
    if kind.wire is WireType.BOOL:
        return st.booleans()
    if kind.wire is WireType.DOUBLE:
        return st.floats(allow_nan=False)
    if kind.wire is WireType.STRING:
        return texts
    if kind.wire is WireType.STRUCT:
        assert kind.struct is not None
        return structs(kind.struct)
    assert kind.of is not None
    if kind.wire is WireType.LIST:
        return st.lists(values(kind.of), max_size=3).map(tuple)
    assert kind.key is not None
    return st.dictionaries(values(kind.key), values(kind.of), max_size=3)


def structs(struct: type[Struct]) -> st.SearchStrategy[Any]:
    """Any struct of a class; what is not required may be left to its default."""
    rows = table(struct)
    return st.fixed_dictionaries(
        {row.attribute: values(row.kind) for row in rows if row.required},
        optional={row.attribute: values(row.kind) for row in rows if not row.required},
    ).map(lambda fields: struct(**fields))
