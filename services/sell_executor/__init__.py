"""sell-executor: sells what price-monitor (or a person) asks for, never more than is held.

reads      `<strategy>:stream:sell-orders` (through its inbox), positions, halts
decides    whether the sale still makes sense: held, not stopped, not already being sold
publishes  one market sell through kis-gateway under the key of its message; bookings in `trade_log` and
           `active_portfolio`; cooldowns; TradeNotification; the message's outcome and reason in `inbox`; an alert
           when an automatic exit came to nothing
"""
