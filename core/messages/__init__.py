"""The canonical messages: what every part of Wattbus says to every other.

One file per noun. A message is a frozen ``msgspec.Struct`` with a type name that carries its
version (``wattbus.vending.CreditVend.v1``). The envelope around it (``hub.envelope``) is
CloudEvents 1.0; a message is its ``data``.

Numbers: money is an integer of minor units, quantities are integers of milli-units, instants are
integers of microseconds UTC.
"""

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
from core.messages.base import Event, Message, message_type, name_of, struct_of
from core.messages.billing import (
    BillPartition,
    BillRunMoved,
    EndBillPhase,
    ReceivePayment,
    RunBillPhase,
)
from core.messages.changes import MoveChange, RequestChange
from core.messages.collection import ImportDebts, ReceiveJointPayment, RequestMoneyAct
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

__all__ = [
    "AddMeter",
    "Answer",
    "AskAdvance",
    "AskBalance",
    "AskLastTokens",
    "AskMyPayment",
    "AskPayer",
    "BatchTotals",
    "BillPartition",
    "BillRunMoved",
    "ChangeMeter",
    "CheckPin",
    "CheckStatement",
    "ClaimFreeUnits",
    "CloseTerminalCase",
    "CollectOffline",
    "CollectPayment",
    "ConfirmKeyChange",
    "ConfirmMeter",
    "ConfirmVend",
    "CounterTender",
    "CreditVend",
    "DecideTokenAct",
    "DeliveryReport",
    "EndBillPhase",
    "EndFreeUnits",
    "Enrol",
    "Event",
    "FailKeyChange",
    "GiveAdvance",
    "GiveFreeUnits",
    "ImportDebts",
    "KeyAim",
    "MadeToken",
    "MarkSettled",
    "Message",
    "MeterLink",
    "MoveChange",
    "NeedKeyChange",
    "OrderTokens",
    "Outcome",
    "PauseService",
    "PhoneLink",
    "Pieces",
    "ReceiveDeposit",
    "ReceiveJointPayment",
    "ReceivePayIn",
    "ReceivePayment",
    "Recipient",
    "ReportCollection",
    "ReportModule",
    "ReportReversal",
    "ReportTerminal",
    "ReportTokens",
    "RequestAgentAct",
    "RequestChange",
    "RequestCollection",
    "RequestCounterAct",
    "RequestMoneyAct",
    "RequestPhoneAct",
    "RequestTerminalAct",
    "RequestTokenAct",
    "RequestTopUp",
    "RequestWalletAct",
    "ResetPin",
    "ResumeService",
    "ReverseAtTerminal",
    "ReversePayment",
    "RunBillPhase",
    "SellAtCounter",
    "SellCredit",
    "SendNotice",
    "SetLanguage",
    "SetPin",
    "SettleTerminal",
    "SettleWallet",
    "SignOffCashier",
    "SignOnCashier",
    "Slip",
    "StatementLine",
    "SweepHeld",
    "TakeAtCounter",
    "TakeStatement",
    "TransferFloat",
    "UploadItem",
    "message_type",
    "name_of",
    "struct_of",
]
