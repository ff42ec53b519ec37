"""Who lives in the story: households as data, and their meters on the wall."""

from dataclasses import dataclass
from datetime import date

from core.messages import Enrol, MeterLink, PhoneLink
from core.sts.keystore import DEMO_SGC93
from core.sts.tid import BaseDate
from simulators.meter.device import Coding

CURRENCY = "UGX"
TARIFF = "uganda-domestic"

SUPERVISOR, TECHNICIAN = "office", "desk"
#: Who works at the company. It is a test company: they need no passphrase.
OPERATORS = f"""
[operators.{SUPERVISOR}]
roles = ["vending-supervisor"]

[operators.{TECHNICIAN}]
roles = ["meter-technician", "vending-approver"]
"""


def with_operators(configuration: str) -> str:
    """A configuration with these operators."""
    return configuration + OPERATORS


@dataclass(frozen=True, slots=True)
class Household:
    """A holder with account, meter and phone. The meter's coding decides its key."""

    account: str
    holder: str
    msisdn: str
    meter_name: str
    coding: Coding
    blocked: str = ""

    @property
    def meter(self) -> str:
        """The number on the meter."""
        return self.coding.drn

    def enrolment(self, since: date) -> Enrol:
        """The command that takes this customer on."""
        coding = self.coding
        link = MeterLink(
            drn=coding.drn,
            sgc=coding.sgc,
            ea=coding.ea,
            dkga="04" if coding.ea == 11 else "02",
            krn=coding.krn,
            ti=coding.ti,
            base_year=int(coding.base),
            blocked=self.blocked,
        )
        return Enrol(
            customer=f"C{self.account}",
            name=self.holder,
            account=self.account,
            currency=CURRENCY,
            service_point=f"S{self.account}",
            tariff=TARIFF,
            since=since.isoformat(),
            meter=link,
            phones=(PhoneLink(msisdn=self.msisdn, meter_name=self.meter_name),),
        )


HOME = Household("100001", "Okello Daniel", "+256772000001", "Home", Coding("04123456784"))
BAKERY = Household("100002", "Lake View Bakery", "+256762000002", "Shop", Coding("04123456800"))
MILL = Household(
    "100003", "Old Mill Workshop", "+256772000003", "Mill", Coding("04123456909"), "tamper"
)
#: A meter of the older generation: EA07 under a DKGA02 key, rolled over to the base date of 2014.
SCHOOL = Household(
    "100004",
    "Hillside School",
    "+256772000004",
    "School",
    Coding("07123456704", ea=7, sgc="123456"),
)
#: One more of them, forgotten: its minutes count from 1993, and ran out in November 2024.
CLINIC = Household(
    "100005",
    "Riverside Clinic",
    "+256772000005",
    "Clinic",
    Coding("07123456886", ea=7, sgc=DEMO_SGC93, base=BaseDate.Y1993),
)
HOUSEHOLDS = (HOME, BAKERY, MILL, SCHOOL, CLINIC)
#: A phone that nobody has registered.
STRANGER = "+256772000009"
#: HOME's meter with its last digit mistyped.
MISTYPED = "04123456789"
