"""The proof against tokens without a cause: what a difference is called, and what causes there are.

Three witnesses are compared: the modules' own logs, the token table, and the books (sales and
their postings). A finding is data: a code, where it is, and a sentence for the operator.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Findings that are listed with their sentences; the others are counted. A page of a thousand is
#: more than anybody reads, and a table that was emptied must not fill the memory.
MOST_LISTED = 1_000

SENTENCES: Mapping[str, str] = {
    "log-gap": (
        "Module {module}, writer {writer}: after batch {before} comes batch {batch}: "
        "rows of the module's log are gone."
    ),
    "log-link": (
        "Module {module}, writer {writer}: batch {batch} was not sealed on top of the batch "
        "before it."
    ),
    "log-seal": (
        "Module {module}, writer {writer}: the seal of batch {batch} does not fit its content: "
        "the row was changed after it was written."
    ),
    "log-total": (
        "Module {module}, writer {writer}: batch {batch} lists {listed} tokens, says {made}, and "
        "says a total of {total} where {expected} is right."
    ),
    "log-shrunk": (
        "Module {module}, writer {writer}: it stood at batch {batch} with {total} tokens at the "
        "last proof; that batch is gone, the log now ends with {found} tokens."
    ),
    "log-rewritten": (
        "Module {module}, writer {writer}: batch {batch} has not the seal and total that it had "
        "at the last proof: the log was written anew."
    ),
    "token-without-cause": (
        "Module {module}, writer {writer}, batch {batch}: it made token number {number} for the "
        "meter with PAN {pan}, and no token is in the table: a token without a cause."
    ),
    "token-not-made": (
        "Token {token} for meter {meter} of {company}: no security module says that it made it."
    ),
    "token-two-causes": (
        "Token {token} for meter {meter} of {company}: the same digits stand in the table twice: "
        "one token with two causes."
    ),
    "token-altered": (
        "Token {token} for meter {meter} of {company}: the module made it as {made}, the table "
        "says {found} (class.subclass.TID)."
    ),
    "cause-unknown": "Token {token} of {company}: there is no kind of cause called {cause!r}.",
    "cause-missing": "Token {token} of {company}: its cause, {cause} {cause_id}, does not exist.",
    "cause-differs": (
        "Token {token} of {company}: its cause, {cause} {cause_id}, is of another company or "
        "meter, is not issued, or is of another amount."
    ),
    "cause-without-token": (
        "{cause} {cause_id} of {company} has no token, and it is issued: the customer has paid "
        "for nothing, or the token was taken out of the table."
    ),
    "cause-tokens": (
        "{cause} {cause_id} of {company} has {found} tokens where {least} to {most} are right."
    ),
    "sale-not-posted": (
        "Sale {cause_id} of {company}: it has {found} ledger transactions where 1 is right."
    ),
    "sale-amounts": (
        "Sale {cause_id} of {company}: its postings do not come to what was paid ({tender} minor "
        "units, {carried} of it carried forward)."
    ),
    "claim-amount": (
        "Free units {cause_id} of {company}: their expense in the books is {posted} minor units "
        "where {amount} is right."
    ),
    "claim-month-twice": (
        "Free units {cause_id} of {company}: free units {other} of the same agreement are for one "
        "of its months too; a month is given once."
    ),
    "posting-without-sale": (
        "Ledger transaction {txn} of {company} is of a sale, and there is no such sale."
    ),
    "tid-twice": (
        "Token {token} for meter {meter} of {company}: TID {tid} was used before for this meter; "
        "the meter takes one of the two."
    ),
    "counter-ahead": (
        "Module {module}: its own counter says {counted}, {extra} more than our log accounts for: "
        "tokens that it made and nobody logged."
    ),
    "proof-stopped": (
        "More than {most} tokens are in one of log and table only: the proof stopped at {reached}. "
        "Mend this first; then prove again."
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. ``args`` fill the sentence of ``code``; no token's digits are in it."""

    code: str
    args: Mapping[str, Any]

    @property
    def sentence(self) -> str:
        """For the operator."""
        return SENTENCES[self.code].format_map(self.args)


@dataclass(slots=True)
class Findings:
    """What was found: all of it counted by code, the first of it listed."""

    counts: Counter[str] = field(default_factory=Counter)
    listed: list[Finding] = field(default_factory=list)

    def add(self, code: str, **args: Any) -> None:
        """Note a finding."""
        self.counts[code] += 1
        if len(self.listed) < MOST_LISTED:
            self.listed.append(Finding(code, args))

    @property
    def total(self) -> int:
        """How many there are, listed or not."""
        return self.counts.total()


@dataclass(frozen=True, slots=True)
class Cause:
    """A kind of cause: what ``token.cause`` says, and the table whose row ``cause_id`` names.

    ``table`` has columns id and company, and ``meter`` gives its meter's id. ``state`` is the SQL
    condition (alias ``c``) under which a row has its tokens, ``value`` the column that holds their
    value in tenths ('' where tokens carry none), ``at`` the column of the instant by which rows are
    gone through ('' where the tokens are counted from their own side only). ``least`` to ``most``
    tokens of ``token_class`` belong to one row.
    """

    name: str
    table: str
    state: str
    value: str = ""
    at: str = ""
    token_class: int = 0
    least: int = 1
    most: int = 1
    meter: str = "c.meter_id"


#: An act names its meter by number, and its tokens are made with the step after which it stands so.
_ACT_DONE = "c.state IN ('issued', 'done', 'failed')"
_ACT_METER = "(SELECT m.id FROM meter m WHERE m.company = c.company AND m.drn = c.meter)"


def _act(name: str, token_class: int, value: str = "") -> Cause:
    return Cause(name, "token_act", _ACT_DONE, value, "", token_class, meter=_ACT_METER)


#: Every cause that a token may have, by its word. A new kind of token adds its line here: a token
#: with a cause that is not in this table is a finding.
CAUSES: Mapping[str, Cause] = {
    cause.name: cause
    for cause in (
        Cause("sale", "sale", "c.state = 'issued'", "units_tenths", "priced_at"),
        _act("compensation", 0, "units_tenths"),
        _act("replacement", 0),
        _act("management", 2),
        _act("test", 1),
        Cause("free-units", "free_claim", "c.tenths > 0", "tenths", "claimed_at"),
        Cause("advance", "advance", "c.units_tenths > 0", "units_tenths", "issued_at"),
        Cause("key-change", "key_change", "c.issued_at > 0", "", "", 2, least=2, most=4),
    )
}

#: What totals are kept by: company ('' where no token row tells it), module ('' where no module
#: made it), and day (YYYY-MM-DD in the company's zone).
Place = tuple[str, str, str]
MADE = "made"


def other(counts: Mapping[str, int]) -> int:
    """How many of a place's tokens have a cause other than a sale."""
    return sum(n for name, n in counts.items() if name not in (MADE, "sale"))


def difference(counts: Mapping[str, int]) -> int:
    """Tokens made less tokens with a cause: must be 0 in every place."""
    return counts.get(MADE, 0) - counts.get("sale", 0) - other(counts)
