"""What becomes of a TradingStrategy on a cluster: pure decisions, one file a question, and a thin reconciler.

`budget` grants shares of the broker's rate, `exchange_hours` and `rollout` hold trading pods still in the session,
`standing` reads what runs, `conditions` and `status` say it to people. One of the two reconcilers
looks at each namespace's platform, one at each strategy; `keeper` guards the pods that all of them need.
"""
