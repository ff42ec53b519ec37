"""USSD: menus on phones, over HTTP callbacks or an SMPP link. See README.md beside this."""

from channels.ussd.service import CHANNEL

__all__ = ["CHANNEL"]
