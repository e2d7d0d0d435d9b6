"""buy-executor: turns a buy signal into at most one order, and an order into booked shares.

reads      `<strategy>:stream:buy-signals` (through its inbox), positions, prices, halts, `regime:current`
decides    admission, correlation, size and portfolio guard (`strategy.admission`, `sizing`, `guard`)
publishes  one buy order through kis-gateway under the key of its message; bookings in `trade_log` and
           `active_portfolio`; TradeNotification; the message's outcome and reason in `inbox`
"""
