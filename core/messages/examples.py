"""One example of each message type: what the documents show and tests decode."""

from typing import Final

from core.messages.accounts import AskBalance, Enrol, MeterLink, PhoneLink, SetLanguage
from core.messages.advances import AskAdvance, GiveAdvance, PauseService, ResumeService
from core.messages.agents import (
    CollectPayment,
    ReceiveDeposit,
    RequestAgentAct,
    RequestTopUp,
    SellCredit,
    TransferFloat,
)
from core.messages.base import Message, name_of
from core.messages.billing import (
    BillPartition,
    BillRunMoved,
    EndBillPhase,
    ReceivePayment,
    RunBillPhase,
)
from core.messages.changes import MoveChange, RequestChange
from core.messages.collection import (
    ImportDebts,
    OldDebt,
    PaymentShare,
    ReceiveJointPayment,
    RequestMoneyAct,
)
from core.messages.counter import (
    CounterTender,
    Pieces,
    RequestCounterAct,
    SellAtCounter,
    TakeAtCounter,
)
from core.messages.free_units import ClaimFreeUnits, EndFreeUnits, GiveFreeUnits
from core.messages.management import DecideTokenAct, RequestTokenAct
from core.messages.modules import KeyAim, MadeToken, OrderTokens, ReportModule, ReportTokens
from core.messages.notices import DeliveryReport, SendNotice
from core.messages.outcome import Answer, Outcome
from core.messages.registration import (
    AddMeter,
    ChangeMeter,
    CheckPin,
    ConfirmMeter,
    RequestPhoneAct,
    ResetPin,
    SetPin,
)
from core.messages.terminals import (
    BatchTotals,
    CloseTerminalCase,
    CollectOffline,
    ReportTerminal,
    RequestTerminalAct,
    ReverseAtTerminal,
    SettleTerminal,
    SignOffCashier,
    SignOnCashier,
    Slip,
    UploadItem,
)
from core.messages.tokens import ConfirmKeyChange, FailKeyChange, NeedKeyChange
from core.messages.vending import AskLastTokens, ConfirmVend, CreditVend, Recipient
from core.messages.wallets import (
    AskMyPayment,
    AskPayer,
    CheckStatement,
    MarkSettled,
    ReceivePayIn,
    ReportCollection,
    ReportReversal,
    RequestCollection,
    RequestWalletAct,
    ReversePayment,
    SettleWallet,
    StatementLine,
    SweepHeld,
    TakeStatement,
)

_PHONE: Final = "+256700000001"
#: What a keyed hash of a PIN looks like.
_PROOF: Final = "9f2c" * 16
#: Our own name of a collection or refund.
_UUID: Final = "0b7c1f6e-5d0a-4c7e-9d51-6a3f4f0f2b11"
_REPLY: Final = (Recipient(way="sms", address=_PHONE, language="en"),)

_MESSAGES: Final[tuple[Message, ...]] = (
    Enrol(
        customer="C100001",
        name="Okello Daniel",
        account="100001",
        currency="UGX",
        service_point="S100001",
        tariff="uganda-domestic",
        since="2026-11-01",
        meter=MeterLink(drn="04123456784", sgc="201457"),
        phones=(PhoneLink(msisdn=_PHONE, meter_name="Home"),),
    ),
    AskBalance(phone=_PHONE, reply=_REPLY),
    SetLanguage(phone=_PHONE, language="sw"),
    ReceivePayment(account="100001", amount=50_000, currency="UGX", reference="R-17"),
    ReceiveJointPayment(
        shares=(
            PaymentShare(account="100001", amount=30_000, items=(71,)),
            PaymentShare(account="100002", amount=20_000),
        ),
        amount=50_000,
        currency="UGX",
        way="cheque",
        reference="000417",
    ),
    RequestMoneyAct(
        operator="grace",
        kind="write-off",
        account="100001",
        reason="the debtor died, no estate",
        evidence="court letter 88",
        items=(71,),
    ),
    ImportDebts(
        operator="grace",
        source="debts-2025.csv",
        currency="UGX",
        debts=(OldDebt(account="100001", year=2025, amount=120_000),),
    ),
    RunBillPhase(run=7, phase="calculate", operator="grace"),
    BillPartition(run=7, phase="calculate", number=3),
    EndBillPhase(run=7, phase="calculate"),
    BillRunMoved(
        run=7,
        phase="calculate",
        state="validated",
        period=202610,
        kind="regular",
        currency="UGX",
        bills=2_900,
        held=12,
        total=258_000_000,
    ),
    CreditVend(
        meter="04123456784",
        tender=20_000,
        currency="UGX",
        phone=_PHONE,
        reply=_REPLY,
        answer_by_notice=True,
    ),
    ConfirmVend(phone=_PHONE, code="4711", reply=_REPLY),
    AskLastTokens(phone=_PHONE, reply=_REPLY),
    RequestTokenAct(
        operator="mary",
        kind="compensation",
        meter="04123456784",
        reason="three days without supply in June",
        evidence="outage report 118",
        units_tenths=300,
        reply=_REPLY,
    ),
    DecideTokenAct(operator="peter", act=17, decision="approve", note="report read"),
    NeedKeyChange(
        meters=("04123456784",),
        sgc="201457",
        krn=2,
        campaign="rollover-2035",
        operator="alice",
        reason="base date 2035",
    ),
    ConfirmKeyChange(meter="04123456784", how="field", operator="alice", reason="job 4711"),
    FailKeyChange(meter="04123456784", operator="alice", reason="the meter refuses the set"),
    OrderTokens(
        module="prism",
        order=17,
        reference="019a9a9e-7c00-7000-8000-000000000017",
        meter="04123456784",
        pan="600727041234567849",
        ea=11,
        tct=2,
        sgc="201457",
        krn=1,
        ti="01",
        ken=255,
        token_class=0,
        subclass=0,
        amount=281,
        tid=6_775_200,
        base=2014,
        change=KeyAim(sgc="201457", krn=2, ti="01"),
    ),
    ReportTokens(
        module="prism",
        order=17,
        state="made",
        tokens=(
            MadeToken(
                digits="12345678901234567890",
                token_class=0,
                subclass=0,
                tid=6_775_200,
                kcv="A1B2C3",
            ),
        ),
    ),
    ReportModule(module="prism", at=1_795_240_800_000_000, counted=120_417, logged=120_417),
    GiveFreeUnits(
        operator="mary",
        meter="04123456784",
        tenths=500,
        unclaimed="cumulate",
        cap_months=3,
        reason="register of poor households 2026, line 118",
    ),
    RequestChange(
        operator="sarah",
        kind="to-postpaid",
        account="100001",
        reason="asked for at the desk",
        tariff="town",
    ),
    MoveChange(
        operator="sarah",
        change=17,
        move="read",
        evidence="photo 8",
        remaining_tenths=281,
        readings={"units": 1_234_000},
    ),
    EndFreeUnits(operator="mary", meter="04123456784", reason="moved away"),
    ClaimFreeUnits(phone=_PHONE, reply=_REPLY),
    AskAdvance(phone=_PHONE, amount=3_000, reply=_REPLY),
    GiveAdvance(operator="mary", meter="04123456784", reason="ill child, called at night"),
    PauseService(
        operator="mary", meter="04123456784", why="vacant", on="2026-11-01", reason="keys returned"
    ),
    ResumeService(operator="mary", meter="04123456784", why="vacant", reason="new tenant"),
    SendNotice(
        way="sms",
        recipient=_PHONE,
        template="refusal",
        args={"code": "meter-length", "args": {"meter": "0412", "length": 4}},
        notice_id=1,
    ),
    ReportModule(
        module="box",
        at=1_795_251_600_000_000,
        counted=1_017,
        logged=17,
        alerts=("ESm: the licence runs out",),
    ),
    SellCredit(
        agent="A-017",
        till="T1",
        meter="04123456784",
        tender=20_000,
        currency="UGX",
        phone=_PHONE,
        reply=_REPLY,
    ),
    CollectPayment(agent="A-017", till="T1", account="100002", amount=35_000, currency="UGX"),
    TakeAtCounter(
        operator="grace",
        desk="D1",
        shares=(PaymentShare(account="100001", amount=35_000, items=(71,)),),
        amount=35_000,
        currency="UGX",
        tenders=(
            CounterTender(way="cash", amount=15_000, tendered=20_000),
            CounterTender(way="cheque", amount=20_000, bank="Centenary", reference="000417"),
        ),
    ),
    SellAtCounter(
        operator="grace",
        desk="D1",
        meter="04123456784",
        tender=20_000,
        currency="UGX",
        tenders=(CounterTender(way="card", amount=20_000, reference="831207"),),
        phone=_PHONE,
        reply=_REPLY,
    ),
    RequestCounterAct(
        operator="grace",
        kind="counter-count",
        desk="D1",
        pieces=(Pieces(value=50_000, count=3), Pieces(value=500, count=14)),
    ),
    ReceiveDeposit(agent="A-017", amount=1_000_000, currency="UGX", reference="FT26325K8Q1"),
    RequestTopUp(agent="A-017", amount=500_000, currency="UGX", reference="FT26325K8Q2"),
    TransferFloat(agent="A-017", other="A-018", amount=50_000, currency="UGX", till="T1"),
    RequestAgentAct(
        operator="ruth",
        kind="agent-topup",
        agent="A-017",
        amount=500_000,
        way="transfer",
        desk="bank",
        reference="FT26325K8Q2",
        reason="deposit of Monday",
        evidence="slip 118",
    ),
    SignOnCashier(
        agent="A-017", terminal="T0000017", day=20_261_121, cashier="07", pin_proof=_PROOF
    ),
    SignOffCashier(agent="A-017", terminal="T0000017", day=20_261_121),
    ReverseAtTerminal(
        agent="A-017", terminal="T0000017", day=20_261_121, stan=118, amount=20_000, currency="UGX"
    ),
    CollectOffline(
        agent="A-017",
        account="100002",
        amount=35_000,
        currency="UGX",
        slip=Slip(terminal="T0000017", stan=119, day=20_261_121, batch=3, receipt="10001"),
        made_at=1_795_252_443_000_000,
    ),
    SettleTerminal(
        agent="A-017",
        terminal="T0000017",
        batch=3,
        day=20_261_121,
        currency="UGX",
        totals=BatchTotals(debits=2, debit_amount=55_000),
    ),
    UploadItem(
        agent="A-017",
        terminal="T0000017",
        batch=3,
        stan=119,
        day=20_261_121,
        amount=35_000,
        kind="payment",
    ),
    ReportTerminal(
        terminal="T0000017",
        latitude=347_596,
        longitude=32_582_520,
        signal=-87,
        application="pos 4.2",
        parameters=2,
    ),
    RequestTerminalAct(
        operator="ruth",
        kind="terminal-register",
        terminal="T0000017",
        agent="A-017",
        name="Counter 1",
        place="Market Street 4",
        reason="second counter",
    ),
    CloseTerminalCase(
        operator="sam", case=3, account="100003", reason="the customer has brought his receipt"
    ),
    RequestCollection(
        payer=_PHONE,
        amount=20_000,
        currency="UGX",
        purpose="vend",
        vend=CreditVend(meter="04123456784", tender=20_000, currency="UGX", phone=_PHONE),
        reply=_REPLY,
    ),
    AskPayer(
        channel="mobilemoney",
        wallet="mtn",
        collection=12,
        reference=_UUID,
        payer=_PHONE,
        amount=20_000,
        currency="UGX",
        shown="04123456784",
    ),
    ReportCollection(
        wallet="mtn",
        reference=_UUID,
        state="paid",
        proof="status",
        receipt="363440463",
        amount=20_000,
        currency="UGX",
        payer=_PHONE,
        payer_form="open",
    ),
    ReceivePayIn(
        wallet="mpesa",
        receipt="RKTQDM7W6S",
        amount=50_000,
        currency="KES",
        proof="notice",
        typed="0412 345 6784",
        payer="2547*****126",
        payer_form="masked",
        names="JOHN",
        at=1_795_252_443_000_000,
    ),
    ReportReversal(wallet="mpesa", receipt="RKTQDM7W6S", state="reversed", refund=3),
    ReversePayment(
        channel="mobilemoney",
        wallet="mpesa",
        refund=3,
        reference=_UUID,
        receipt="RKTQDM7W6S",
        amount=50_000,
        currency="KES",
    ),
    TakeStatement(
        wallet="mpesa",
        day=20_261_121,
        currency="KES",
        lines=(StatementLine(receipt="RKTQDM7W6S", amount=50_000, at=1_795_252_443_000_000),),
    ),
    SettleWallet(
        wallet="mpesa",
        reference="FT26325XYZ",
        amount=49_500,
        currency="KES",
        until=20_261_121,
        fee=500,
    ),
    CheckStatement(wallet="mpesa", day=20_261_121),
    MarkSettled(wallet="mpesa", settlement=3),
    SweepHeld(held=7, at=1_795_252_443_000_000),
    AskMyPayment(phone=_PHONE, receipt="RKTQDM7W6S", meter="04123456784"),
    RequestWalletAct(
        operator="ruth",
        kind="wallet-assign",
        payment="P1-000123",
        reason="the payer has shown his bill",
        evidence="ticket 4711",
        account="100001",
    ),
    AddMeter(phone=_PHONE, meter="04123456784", name="Shop", reply=_REPLY),
    ConfirmMeter(phone=_PHONE, code="4711"),
    ChangeMeter(phone=_PHONE, meter="04123456784", change="name", name="Kiosk"),
    SetPin(phone=_PHONE, proof=_PROOF),
    ResetPin(phone=_PHONE),
    CheckPin(phone=_PHONE, proof=_PROOF),
    RequestPhoneAct(
        operator="ruth",
        kind="phone-approve",
        phone=_PHONE,
        meter="04123456784",
        reason="the holder came with his identity card",
    ),
    DeliveryReport(channel="sms", reference="5F3A", state="delivered", detail="DELIVRD"),
)

#: message type name -> example
EXAMPLES: Final = {name_of(message).name: message for message in _MESSAGES}

#: an answer, as it comes to a command
ANSWER: Final = Answer(
    outcome=Outcome.REFUSED, code="meter-length", args={"meter": "0412", "length": 4}
)
