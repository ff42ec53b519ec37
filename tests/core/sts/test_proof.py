"""The proof's pure parts: chains, halves that meet, sentences."""

from string import Formatter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from core.sts import proof_match
from core.sts.log_row import LogRow, packed, unpacked
from core.sts.module_log import LogEntry, seal, token_digest
from core.sts.proof import CAUSES, MADE, SENTENCES, Findings, difference, other
from core.sts.proof_chain import BEGINNING, End, checked, end_of, held_to
from core.sts.proof_match import Found, Made, Matching, TooManyOpen

PAN = "600727041234567848"


def entry(number: int, tid: int | None = 5) -> LogEntry:
    digest = token_digest(PAN, f"{number:020d}")
    return LogEntry("m", number, 1_000 + number, PAN, 0, 0, tid, "a1b2c3", digest)


def row(batch: int, entries: list[LogEntry], before: End) -> LogRow:
    """A sealed row; its entries are of its instant."""
    at_us = 1_000 * batch
    entries = [
        LogEntry(e.module, before.total + place, at_us, e.pan, 0, 0, e.tid, e.kcv, e.digest)
        for place, e in enumerate(entries, 1)
    ]
    return LogRow(
        module="m", writer="w", batch=batch, made=len(entries),
        total=before.total + len(entries), previous=before.seal,
        seal=seal(bytes.fromhex(before.seal), entries).hex(),
        digests=" ".join(e.digest for e in entries), entries=packed(entries), at_us=at_us,
    )  # fmt: skip


def chain(*sizes: int) -> list[LogRow]:
    rows, before, number = [], BEGINNING, 0
    for batch, size in enumerate(sizes, 1):
        made = [entry(number + i, None if i % 3 == 0 else i) for i in range(1, size + 1)]
        rows.append(row(batch, made, before))
        before, number = end_of(rows[-1]), number + size
    return rows


def walked(rows: list[LogRow]) -> Findings:
    findings, before = Findings(), BEGINNING
    for each in rows:
        checked(each, before, findings)
        before = end_of(each)
    return findings


def test_a_row_says_all_that_its_seal_covers() -> None:
    (only,) = chain(4)
    assert [e.digest for e in unpacked(only)] == only.digests.split()
    assert seal(bytes.fromhex(only.previous), unpacked(only)).hex() == only.seal


def test_an_honest_chain_is_clean() -> None:
    assert walked(chain(1, 3, 0, 2)).total == 0


CHANGES = {
    "module": "n", "writer": None, "batch": 9, "made": 7, "total": 70, "previous": "0" * 63 + "1",
    "seal": "0" * 64, "digests": "0" * 64, "entries": "x", "at_us": 1,
}  # fmt: skip


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    place=st.integers(0, 3),
    field=st.sampled_from(sorted(CHANGES)),
)
def test_any_field_of_any_row_that_is_changed_is_noticed(
    sizes: list[int], place: int, field: str
) -> None:
    rows = chain(*sizes)
    at = place % len(rows)
    if CHANGES[field] is None:
        return  # the writer is the place where the row lies; there it leaves a gap
    rows[at] = replace(rows[at], **{field: CHANGES[field]})
    assert walked(rows).total > 0


@settings(max_examples=40)
@given(sizes=st.lists(st.integers(1, 3), min_size=2, max_size=6), place=st.integers(0, 5))
def test_any_row_but_the_last_that_is_gone_leaves_a_gap(sizes: list[int], place: int) -> None:
    rows = chain(*sizes)
    del rows[place % (len(rows) - 1)]
    assert walked(rows).counts["log-gap"] == 1


def test_a_log_is_held_to_where_it_stood() -> None:
    then, later = End(3, 30, "aa"), End(5, 50, "cc")
    for row_, last, code in [
        (then, later, None),
        (None, End(2, 20, "bb"), "log-shrunk"),
        (None, later, "log-shrunk"),
        (End(3, 30, "zz"), later, "log-rewritten"),
        (End(3, 29, "aa"), later, "log-rewritten"),
        (then, End(3, 29, "aa"), "log-shrunk"),
    ]:
        findings = Findings()
        held_to(("m", "w"), then, (row_, last), findings)
        assert list(findings.counts) == ([code] if code else [])


def matching() -> Matching:
    return Matching(Findings(), lambda _company, at_us: f"day {at_us // 1_000_000}")


def made(number: int, ours: bool = True) -> Made:
    return Made(entry(number), "w", 1, ours)


def found(number: int, id_: int = 0, tid: int | None = 5, meter: int = 1) -> Found:
    return Found(
        id_ or number, "c", entry(number).digest, "sale", "04", meter, 0, 0, tid, number, True
    )


@settings(max_examples=60)
@given(st.permutations(range(1, 9)), st.permutations(range(1, 9)), st.data())
def test_halves_meet_in_whatever_order_they_come(
    first: list[int], second: list[int], data: st.DataObject
) -> None:
    match, logged, written = matching(), list(first), list(second)
    while logged or written:
        if logged and (not written or data.draw(st.booleans())):
            match.made(made(logged.pop()))
        else:
            number = written.pop()
            match.found(found(number, meter=number))
    match.close(frozenset())
    assert match.findings.total == 0
    assert match.totals == {("c", "m", "day 0"): {MADE: 8, "sale": 8}}


def test_what_waits_in_vain_is_found_and_counted_where_it_was_seen() -> None:
    match = matching()
    match.made(made(1))
    match.made(made(2, ours=False))
    match.found(found(3))
    match.found(found(4, meter=2))
    match.close(frozenset({4}))
    assert match.findings.counts == {
        "token-without-cause": 1, "token-not-made": 1, "token-two-causes": 1,
    }  # fmt: skip
    assert [difference(counts) for counts in match.totals.values()] == [1, -2]


def test_a_token_that_is_written_twice_was_made_once() -> None:
    match = matching()
    match.made(made(1))
    match.found(found(1))
    match.found(found(1, id_=9, tid=6))
    assert [token.id for token in match.open_found()] == [9]


def test_a_tid_is_used_once_by_each_meter_within_its_time() -> None:
    match = matching()
    for number, tid, meter in [(1, 5, 1), (2, 5, 2), (3, 6, 1), (4, None, 1), (5, None, 1)]:
        match.found(found(number, tid=tid, meter=meter))
    assert match.findings.total == 0
    match.found(found(6, tid=6, meter=1))
    assert match.findings.counts == {"tid-twice": 1}


def test_memory_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_match, "MOST_OPEN", 2)
    match = matching()
    match.made(made(1))
    match.made(made(2))
    with pytest.raises(TooManyOpen):
        match.made(made(3))


def test_each_sentence_has_its_end_and_each_cause_its_name() -> None:
    for code, sentence in SENTENCES.items():
        assert sentence.endswith("."), code
        assert all(name != "digits" for _, name, _, _ in Formatter().parse(sentence))
    assert all(cause.name == name and cause.least <= cause.most for name, cause in CAUSES.items())
    assert other({MADE: 5, "sale": 3, "management": 2}) == 2
