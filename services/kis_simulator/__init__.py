"""kis-simulator: exchange and broker of one trading day.

Reads the day's real bar of every listed stock (a folder, imported prices, or a seeded synthetic market) and orders in
the provider's REST format. Decides what prints when, what trades at which price, and what is refused. Publishes trades
and order notices over WebSocket, its journalled ledger over the control API, and the time of a virtual day.
"""
