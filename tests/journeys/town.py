"""A town for journeys: a hub with its network, and households that are taken on when needed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.messages import Outcome, ReceivePayment
from core.sts.meter_id import luhn_digit
from core.sts.meter_state import Result
from hub import balance, module_log
from simulators.demo.children import last_words, until
from simulators.demo.house import COMPANY, House
from simulators.demo.people import CURRENCY, Household
from simulators.demo.reading import figures, receipt_in, token_in
from simulators.meter.device import Coding, Meter
from simulators.phone.handset import Phone

#: A text or a state that must come is there within this time, on a busy machine with three engines.
SOON_S = 30.0


def as_digits(shown: str) -> str:
    """The 20 digits without the blanks of their groups."""
    return shown.replace(" ", "")


@dataclass(slots=True)
class Town:
    """One house with as many households as the journeys need; each journey takes its own."""

    house: House
    households: int = 0
    sold: list[str] = field(default_factory=list)  # digits that customers have received

    # --- people ----------------------------------------------------------------------------------

    def household(self, credit: int = 50_000, holder: str = "Okello Daniel") -> Household:
        """A new customer with a meter, a phone and credit."""
        self.households += 1
        number = self.households
        drn = f"0412300{number:03d}"
        new = Household(
            account=str(200_000 + number),
            holder=holder,
            msisdn=f"+256772100{number:03d}",
            meter_name="Home",
            coding=Coding(f"{drn}{luhn_digit(drn)}"),
        )
        zone = ZoneInfo(self.house.config.companies[COMPANY].zone)
        since = datetime.now(zone).date().replace(day=1)
        done = self.house.submit(new.enrolment(since), f"enrol/{new.account}")
        assert done.outcome is Outcome.DONE, done
        if credit:
            pays = ReceivePayment(account=new.account, amount=credit, currency=CURRENCY)
            paid = self.house.submit(pays, f"pay/{new.account}")
            assert paid.outcome is Outcome.DONE, paid
        self.phone(new)  # switched on: what comes from now on is new
        return new

    def phone(self, household: Household) -> Phone:
        """A household's phone."""
        return self.house.phone(household.msisdn)

    def reads(self, household: Household, within_s: float = SOON_S) -> str:
        """The next text that comes to a household; a token in it is remembered as sold."""
        sms = self.phone(household).next_sms(within_s)
        assert sms is not None, f"no text for {household.account} within {within_s:g} s"
        if (token := as_digits(token_in(sms.text))) and token not in self.sold:
            self.sold.append(token)
        return sms.text

    def says_nothing_more(self, *households: Household) -> None:
        """When everything has settled, no further text has come."""
        self.settle()
        for household in households:
            extra = self.phone(household).next_sms(0.1)
            assert extra is None, f"one text too many for {household.account}: {extra}"

    # --- what is in the books --------------------------------------------------------------------

    def credit(self, household: Household) -> int:
        """What the account has."""
        rows = self.house.rows("SELECT credit FROM account WHERE number = :n", n=household.account)
        return int(rows[0][0])

    def sales_of(self, household: Household) -> list[dict[str, Any]]:
        """The sales to a household's meter, oldest first."""
        names = ("receipt", "tender", "units", "state", "token", "channel")
        rows = self.house.rows(
            "SELECT s.receipt, s.tender, s.units_tenths, s.state, t.digits, s.channel FROM sale s "
            "JOIN meter m ON m.id = s.meter_id JOIN token t ON t.cause_id = s.id "
            "WHERE m.drn = :drn ORDER BY s.id",
            drn=household.meter,
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def notices_to(self, household: Household) -> list[tuple[str, str]]:
        """(template, state) of what the household was told, oldest first."""
        rows = self.house.rows(
            "SELECT template, state FROM notice WHERE recipient = :to ORDER BY id",
            to=household.msisdn,
        )
        return [(str(template), str(state)) for template, state in rows]

    def meter_takes(self, household: Household, token: str) -> int:
        """The household's meter takes a token; what it shows then, in tenths of kWh."""
        meter = Meter.coded(household.coding)
        answer = meter.enter(token, time.time_ns() // 1_000)
        assert answer.result is Result.ACCEPT, answer
        return meter.tenths

    # --- what must always be ---------------------------------------------------------------------

    def settle(self, within_s: float = SOON_S) -> None:
        """Wait until nothing is on its way; else AssertionError with what is, and the hub's log."""
        assert self.house.hub is not None

        def on_its_way() -> list[Any]:
            return self.house.rows(
                "SELECT handler, state, attempt, due - updated, error FROM delivery "
                "WHERE state IN (0, 1, 2)"
            )

        try:
            until(lambda: not on_its_way(), within_s, "nothing is on its way any more")
        except TimeoutError as error:
            open_ = on_its_way()
            raise AssertionError(f"{error}: {open_}\n{last_words(self.house.hub.log)}") from None

    def books_are_right(self) -> None:
        """Everything has ended well, nothing lost, nothing twice."""
        self.settle()  # a receipt may come at any moment after it, so only what is dead is asked
        assert not self.house.rows("SELECT handler, error FROM delivery WHERE state = 3")
        self.nothing_lost()

    def nothing_lost(self) -> None:
        """At any moment: balance, ledger, credit; the tokens made are those that customers have."""
        with self.house.reading() as reader:
            assert balance.unaccounted(reader) == 0
            made = module_log.made(reader)
            tokens = [str(digits) for (digits,) in reader.rows("SELECT digits FROM token")]
        assert self.house.rows("SELECT COALESCE(sum(amount), 0) FROM posting") == [(0,)]
        assert not self.house.rows(
            "SELECT a.number FROM account a LEFT JOIN posting p ON p.owner = a.id "
            "AND p.ledger = 'customer-credit' GROUP BY a.id, a.number, a.credit "
            "HAVING a.credit <> -COALESCE(sum(p.amount), 0)"
        )
        assert made == len(tokens)
        assert sorted(self.sold) == sorted(tokens)


def buys(town: Town, buyer: Household, tender: int, meter: str = "") -> None:
    """The customer sends BUY; the network has it taken."""
    phone = town.phone(buyer)
    phone.delivered(phone.send_sms(f"BUY {meter or buyer.meter} {tender}"), SOON_S)


__all__ = ["Callable", "Town", "as_digits", "buys", "figures", "receipt_in", "token_in"]
