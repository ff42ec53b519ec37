"""USSD as the networks speak it: HTTP callbacks and USSD over SMPP, sans-IO.

``codes`` reads what was dialled, ``africastalking`` the HTTP callback form, ``smpp`` the two TLVs
of USSD over SMPP as a profile per link. Nothing here knows a socket, a clock or a menu.
"""
