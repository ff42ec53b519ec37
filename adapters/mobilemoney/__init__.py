"""What providers of mobile money say, read into one shape, sans-IO: M-Pesa, MTN MoMo, Airtel Money.

``reading`` is that shape, ``fields`` takes values out of what came without believing it, and each
provider is one small module whose ``READ`` has a row for every message that it sends.
"""
