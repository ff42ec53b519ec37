"""Alipay's business details of a day, as they are written."""

from collections.abc import Mapping, Sequence
from typing import Final

from simulators.mobilemoney.book import Movement
from simulators.mobilemoney.signed import moment
from simulators.mobilemoney.wording import major

_TIME: Final = "%Y-%m-%d %H:%M:%S"
_NAMES: Final = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,"
    "对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,"
    "券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,"
    "分润（元）,备注"
)


def details(movements: Sequence[Movement], seller: str, numbers: Mapping[str, str]) -> str:
    """Its text. ``numbers``: the merchant's own of each refund, by its receipt."""
    paid = [each.amount for each in movements if not each.original]
    back = [each.amount for each in movements if each.original]
    lines = [
        "#支付宝业务明细查询",
        f"#账号：[{seller}0156]",
        "#起始日期：[]   终止日期：[]",
        f"#{'-' * 41}业务明细列表{'-' * 36}",
        _NAMES,
        *(_row(each, numbers) for each in movements),
        f"#{'-' * 41}业务明细列表结束{'-' * 32}",
        f"#交易合计：{len(paid)}笔，商家实收共{_yuan(sum(paid))}元，商家优惠共0.00元",
        f"#退款合计：{len(back)}笔，商家实收退款共{_yuan(sum(back))}元，商家优惠退款共0.00元",
        "",
    ]
    return "\r\n".join(lines)


def _row(each: Movement, numbers: Mapping[str, str]) -> str:
    at, amount = moment(each.at, _TIME), _yuan(each.amount)
    kind, number = ("退款", numbers.get(each.receipt, "")) if each.original else ("交易", "")
    trade = each.original or each.receipt
    return (
        f"{trade}\t,{each.reference}\t,{kind},{each.typed},{at},{at},,,,,138****0000,{amount},"
        f"{amount},0.00,0.00,0.00,0.00,0.00,,0.00,0.00,{number}\t,{_yuan(-each.fee)},0.00,"
    )


def _yuan(fen: int) -> str:
    return f"-{major(-fen, 'CNY')}" if fen < 0 else major(fen, "CNY")
