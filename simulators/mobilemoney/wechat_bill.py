"""WeChat Pay's bill of a day, as it is written."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Final

from simulators.mobilemoney.book import Movement
from simulators.mobilemoney.wording import major

_BEIJING: Final = timezone(timedelta(hours=8))
_NAMES: Final = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
_SUMS: Final = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)


def bill(
    movements: Sequence[Movement], mch_id: str, app_id: str, numbers: Mapping[str, str]
) -> bytes:
    """Its octets. ``numbers``: the merchant's own of each refund, by its receipt."""
    lines = [_NAMES]
    lines += [_ticked(_row(each, mch_id, app_id, numbers)) for each in movements]
    paid = sum(each.amount for each in movements if not each.original)
    back = -sum(each.amount for each in movements if each.original)
    fees = sum(each.fee for each in movements)
    sums = (str(len(movements)), _yuan(paid), _yuan(back), "0.00", f"{_yuan(fees)}000",
            _yuan(paid), _yuan(back))  # fmt: skip
    return ("\ufeff" + "\r\n".join([*lines, _SUMS, _ticked(sums), ""])).encode()


def _row(each: Movement, mch_id: str, app_id: str, numbers: Mapping[str, str]) -> tuple[str, ...]:
    back = bool(each.original)
    at = datetime.fromtimestamp(each.at, _BEIJING).strftime("%Y-%m-%d %H:%M:%S")
    paid, returned = ("0.00", _yuan(-each.amount)) if back else (_yuan(each.amount), "0.00")
    return (
        at, app_id, mch_id, "0", "", each.original or each.receipt, each.reference, "openid",
        "NATIVE", "REFUND" if back else "SUCCESS", "OTHERS", "CNY", paid, "0.00",
        each.receipt if back else "0", numbers.get(each.receipt, "0"), returned, "0.00",
        "ORIGINAL" if back else "", "SUCCESS" if back else "", each.typed, "",
        f"{_yuan(each.fee)}000", "0.60%", paid, returned, "",
    )  # fmt: skip


def _ticked(values: Iterable[str]) -> str:
    return ",".join(f"`{value}" for value in values)


def _yuan(fen: int) -> str:
    return f"-{major(-fen, 'CNY')}" if fen < 0 else major(fen, "CNY")
