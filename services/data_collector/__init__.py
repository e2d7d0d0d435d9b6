"""data-collector: fills the tables that everybody else reads.

reads      bars, batched quotes and index levels through kis-gateway; VIX and the won from public services where named;
           the listed stocks of `stock_master`, the watchlist and the holdings
decides    which figures make sense; what contradicts itself is kept out and recorded as a gap, never filled by a guess
publishes  `stock_daily_price`, `index_daily_price`, `stock_minute_price`, market caps, `global_macro_snapshot`,
           `data_gaps`, `macro:data:snapshot:{date}`; and, after the close, the day's settlement
"""
