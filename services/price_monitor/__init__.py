"""price-monitor: watches what is held, tick by tick, and says when to sell.

reads      `stream:ticks`, `active_portfolio`, daily closes, `regime:current`, the live configuration, a person's list
           for forced liquidation
decides    `strategy.exits`: every rule of the rulebook in its order
publishes  SellOrder to `<strategy>:stream:sell-orders`, each as a row of `signal_logs` with its reason;
           watermarks to Redis and `active_portfolio`; `monitoring:*`
"""
