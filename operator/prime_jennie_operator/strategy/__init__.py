"""What becomes of a TradingStrategy on a cluster: pure decisions, one file a question, and a thin reconciler.

`budget` grants shares of the broker's rate, `exchange_hours` and `rollout` hold trading pods still in the session,
`standing` reads what runs, `conditions` and `status` say it to people, `events` what of it is news. `factories` gives
the two reconcilers: one looks at each namespace's platform, one at each strategy.
"""
