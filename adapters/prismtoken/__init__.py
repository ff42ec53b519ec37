"""PrismToken's TokenApi 1.1, client side: Thrift binary protocol in frames, without I/O.

Where to look: :mod:`.tables` what a field table is, :mod:`.writer` and :mod:`.reader` values to
octets and back, :mod:`.framing` and :mod:`.message` frames and their headers, :mod:`.api` and
:mod:`.calls` the field tables, :mod:`.codes` what an error id asks for, :mod:`.states` the life of
a connection as one table, :mod:`.session` the connection with its :mod:`.settings` and
:mod:`.events`, :mod:`.orders` what is asked of a module, :mod:`.check` whether that is what came
back, :mod:`.issue` the life of one order, doubts included, as one table.
"""
