"""What is told to people, and what became of it."""

from typing import Any

from core.messages.base import Message, message_type


@message_type("wattbus.notices.SendNotice.v1", hashed=("recipient", "template", "args"))
class SendNotice(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Tell ``recipient`` (E.164 for SMS) the text of ``template`` filled with ``args``.

    The texts are data (``mappings/texts``); the channel renders them in ``language``.
    ``notice_id`` is the row that follows the delivery (0: nobody follows it).
    """

    way: str
    recipient: str
    template: str
    args: dict[str, Any]
    language: str = "en"
    notice_id: int = 0
    channel: str = ""


@message_type("wattbus.notices.DeliveryReport.v1", hashed=("reference", "state"))
class DeliveryReport(Message, frozen=True, kw_only=True, omit_defaults=True):
    """What the network says became of a message that we sent.

    ``reference`` is the network's own id as normalised by the link (``channel`` is its instance);
    ``state`` is ``delivered``, ``failed``, ``expired`` or ``sent`` (intermediate); ``detail`` the
    network's own words.
    """

    channel: str
    reference: str
    state: str
    detail: str = ""
