"""SMPP 3.4 (and the optional parameters of 5.0): codec, texts, receipts and session, without I/O.

Where to look: :mod:`.pdu` the field tables, :mod:`.codec` bytes to PDU and back, :mod:`.tlv`
optional parameters, :mod:`.status` results and what to do about them, :mod:`.gsm0338` texts,
:mod:`.segment` long texts both ways, :mod:`.receipt` delivery receipts, :mod:`.states` the life of
a session as one table, :mod:`.session` the session of either side with its :mod:`.settings`,
:mod:`.window` and :mod:`.keepalive`, :mod:`.esme` and :mod:`.throttle` the session of a
client with its queue and throttle, :mod:`.inspect` a PDU for people.
"""
