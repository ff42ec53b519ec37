"""Money that comes by wallets: mobile money, and the payment providers that work like it."""
