"""macro-council: says what kind of day it is, and pulls the reins while the market falls.

reads      the index's bars, `global_macro_snapshot`, the sectors' momentum, headlines and the last insight
decides    the day's insight by three voices (strategist, risk analyst, chief judge); in the session, how tight buys are
publishes  `daily_macro_insight`, `macro:insight:{date}`, `intraday:risk:state` and, tempered by it, `regime:current`;
           an alert for each insight, each failure and each change of the throttle
"""
