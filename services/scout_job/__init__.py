"""scout-job: looks at every listed stock and chooses the few that may be bought.

reads      a year of daily bars, masters, fundamentals, flows, forecasts and news of the days before from SQL; today's
           quotes through kis-gateway while the exchange is open; the council's insight, else the index's bars
decides    seven quant factors of every stock, an analyst's correction for the best, the sectors' caps, the list; and
           the market regime
publishes  `watchlist:active`, `budget:sector:active`, `regime:current` (also every 30 minutes, as its hour demands),
           and its rows in `daily_quant_score`, `watchlist_history`, `llm_decision_ledgers`, `index_daily_price`
"""
