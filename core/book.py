"""The evolving state of one batch, and the stage on which one message's decision is made.

A batch loads what its messages want into a :class:`Book` (locked rows first). Each message is
decided on a :class:`Stage`: what it changes is seen by itself only, and becomes part of the book
when it ends well; when it raises, its changes are simply dropped and the rest of the batch goes
on. So order per key holds across message types, and a poisonous message hurts only itself.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any, TypeVar, cast

import msgspec
from msgspec.structs import astuple

from core.entities import Entity
from core.messages import Answer, Message

E = TypeVar("E", bound=Entity)
Key = tuple[type[Entity], Any]


class Wants(msgspec.Struct, frozen=True, gc=False):
    """What a message needs loaded. Numbers are the company's own; phones are E.164."""

    meters: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    meters_of: tuple[str, ...] = ()  # phones whose saved meters are needed too
    waiting: tuple[tuple[str, str], ...] = ()  # (phone, code) of unconfirmed purchases
    last_sales_of: tuple[str, ...] = ()  # phones
    references: tuple[tuple[str, str], ...] = ()  # (channel, network reference) of notices
    operators: tuple[str, ...] = ()  # whose acts of the day count
    acts: tuple[int, ...] = ()  # with the meters and tokens that they are about
    tokens: tuple[tuple[str, str], ...] = ()  # (meter, 20 digits or receipt)
    refunds: tuple[str, ...] = ()  # meters whose sales may be paid back
    cancels: tuple[tuple[str, str], ...] = ()  # (meter, digits or receipt) of sales to cancel
    orders: tuple[int, ...] = ()  # at modules, with what they are for
    owing: tuple[str, ...] = ()  # accounts whose open items, debts and deposits are needed
    items: tuple[int, ...] = ()  # open items by number, closed ones too
    payments: tuple[str, ...] = ()  # by the number of their receipt
    plans: tuple[int, ...] = ()
    receipts: tuple[str, ...] = ()  # before payment, by number
    late: tuple[str, ...] = ()  # accounts whose late fees are reckoned
    advances: tuple[str, ...] = ()  # meters or phones that ask for units on credit
    changes: tuple[int, ...] = ()  # in customers' lives, by number, with what they are about
    changes_of: tuple[str, ...] = ()  # accounts whose agreements, points and phones are needed
    changes_at: tuple[str, ...] = ()  # service points, with who was and is there
    identities: tuple[str, ...] = ()  # natural keys of items that may be there already
    opening: tuple[str, ...] = ()  # accounts whose credit of an older system may be there already
    paid_as: tuple[str, ...] = ()  # natural keys of payments that may be there already
    agents: tuple[str, ...] = ()  # by number, with their floats and those above them
    agent_books: tuple[str, ...] = ()  # of agents that are wanted too: what operators ask
    deposits: tuple[str, ...] = ()  # banks' references of top-ups that may be there already
    counter: tuple[tuple[str, str], ...] = ()  # (what, key): core.counter.wanted
    terminals: tuple[str, ...] = ()  # by number; locked after the agents' floats
    shifts: tuple[str, ...] = ()  # terminals, wanted too, whose open shift may end
    rebinds: tuple[str, ...] = ()  # terminals, wanted too, whose items under way count
    cashiers: tuple[tuple[str, str], ...] = ()  # (agent, wanted too; code), with where they are
    slips: tuple[tuple[str, int, int, int], ...] = ()  # (terminal, wanted too; day, stan, batch)
    reversals: tuple[tuple[str, int, int], ...] = ()  # (terminal, wanted too; day, stan)
    batches: tuple[tuple[str, int], ...] = ()  # (terminal, wanted too; number), with all in them
    uploads: tuple[tuple[str, int, int, int], ...] = ()  # (terminal, batch, day, stan)
    offline: tuple[tuple[str, str, int], ...] = ()  # (terminal, receipt of a series, day)
    wallets: tuple[tuple[str, str, str], ...] = ()  # (what, with whom, key): core.wallets.rows
    wallet_books: tuple[tuple[str, str, str], ...] = ()  # the same: core.wallets.book_wants
    typed: tuple[str, ...] = ()  # what payers typed, and all that it may name
    held: tuple[int, ...] = ()  # money by wallet that waits, by number, with all that it is for
    held_of: tuple[int, ...] = ()  # the same, of these payments by wallet (ids)
    tokens_of: tuple[tuple[str, str], ...] = ()  # (phone that asks, the provider's receipt)
    guards: tuple[str, ...] = ()  # phones whose PIN counts; locked last of all
    registering: tuple[str, ...] = ()  # phones, wanted too, with requests and what they have
    beside: tuple[str, ...] = ()  # phones; told with them: who may spend the same accounts
    holders_of: tuple[str, ...] = ()  # meters, wanted too, whose phones on file may agree
    cases: tuple[int, ...] = ()  # that people close, with the money that they are about

    @staticmethod
    def union(all_wants: "Iterable[Wants]") -> "Wants":
        """Everything that any of them wants, each once."""
        # field by field, not message by message: of some fifty fields a batch fills two or three
        columns = zip(*map(astuple, all_wants), strict=True)
        merged = {
            name: tuple(dict.fromkeys(chain.from_iterable(column)))
            for name, column in zip(Wants.__struct_fields__, columns, strict=False)  # of none: none
            if any(column)
        }
        return Wants(**merged)


class Book:
    """What a batch knows: entities by (type, key), and links found on the way."""

    def __init__(self) -> None:
        self.entities: dict[Key, Entity] = {}
        self.loaded: dict[Key, Entity] = {}
        self.links: dict[tuple[str, Any], Any] = {}
        self.rows: dict[str, list[dict[str, Any]]] = {}

    def load(self, key: Any, entity: Entity) -> None:
        """An entity as the database has it."""
        self.entities[type(entity), key] = entity
        self.loaded[type(entity), key] = entity

    def link(self, name: str, key: Any, value: Any) -> None:
        """A fact found while loading, such as (``agreement-of``, meter id) -> agreement id."""
        self.links[name, key] = value

    def all_changed(self) -> dict[type[Entity], list[tuple[Entity, Entity | None]]]:
        """(now, as loaded) of every entity that is not as it was loaded, by kind: one look at a
        book that many kinds are asked of."""
        found: dict[type[Entity], list[tuple[Entity, Entity | None]]] = {}
        loaded = self.loaded
        for key, entity in self.entities.items():
            before = loaded.get(key)
            if before is not entity:
                found.setdefault(key[0], []).append((entity, before))
        return found

    def changed(self, kind: type[E]) -> list[tuple[E, E | None]]:
        """(now, as loaded) of every entity of a kind that is not as it was loaded."""
        return [
            (cast(E, entity), cast("E | None", self.loaded.get(key)))
            for key, entity in self.entities.items()
            if key[0] is kind and self.loaded.get(key) is not entity
        ]


class Emitted(msgspec.Struct, frozen=True, gc=False):
    """A message that a decision sends: a command or event of its own, caused by this one."""

    message: Message
    party: str = ""
    key: str = ""  # its partition key, where that is not its cause's


class Stage(msgspec.Struct):
    """One message's view of the book, and what it would change."""

    book: Book
    entities: dict[Key, Entity] = {}
    links: dict[tuple[str, Any], Any] = {}
    rows: list[tuple[str, dict[str, Any]]] = []
    emitted: list[Emitted] = []
    answers: list[tuple[str, Answer]] = []

    def get(self, kind: type[E], key: Any) -> E | None:
        """The entity as this message sees it, or None when there is none."""
        at = (kind, key)
        return self.entities.get(at) or self.book.entities.get(at)  # type: ignore[return-value]

    def need(self, kind: type[E], key: Any) -> E:
        """The entity; its absence is our own bug (it was not wanted)."""
        at = (kind, key)
        found = self.entities.get(at) or self.book.entities.get(at)
        if found is None:
            raise LookupError(f"{kind.__name__} {key} was not loaded")
        return found  # type: ignore[return-value]

    def put(self, key: Any, entity: Entity) -> None:
        """A new or changed entity."""
        self.entities[type(entity), key] = entity

    def linked(self, name: str, key: Any) -> Any:
        """A link, or None."""
        at = (name, key)
        return self.links[at] if at in self.links else self.book.links.get(at)

    def link(self, name: str, key: Any, value: Any) -> None:
        """Add or replace a link."""
        self.links[name, key] = value

    def add(self, table: str, **values: Any) -> None:
        """A row to insert."""
        self.rows.append((table, values))

    def emit(self, message: Message, party: str = "", key: str = "") -> None:
        """Send a message on, in the same transaction."""
        self.emitted.append(Emitted(message, party, key))

    def mark(self) -> "Stage":
        """How it stands now, for :meth:`back_to`."""
        return Stage(
            self.book,
            dict(self.entities),
            dict(self.links),
            list(self.rows),
            list(self.emitted),
            list(self.answers),
        )

    def back_to(self, mark: "Stage") -> None:
        """Drop everything since a mark."""
        for name in ("entities", "links", "rows", "emitted", "answers"):
            setattr(self, name, getattr(mark, name))

    def answer(self, message_id: str, answer: Answer) -> None:
        """The answer of an earlier message, which was pending."""
        self.answers.append((message_id, answer))

    def accept(self) -> None:
        """The decision ended well: its changes become part of the batch."""
        self.book.entities.update(self.entities)
        self.book.links.update(self.links)
        rows = self.book.rows
        for table, values in self.rows:
            if table in rows:
                rows[table].append(values)
            else:
                rows[table] = [values]
