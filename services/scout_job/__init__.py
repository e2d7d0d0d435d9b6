"""scout-job, in its first form: the regime from the index alone.

reads      the index's daily bars of the days before, through kis-gateway
decides    the market regime by the index fallback of rulebook §3.5, when no council has spoken
publishes  `regime:current` (TradingContext) before the open and every 30 minutes until the close,
           and the bars it judged by into `index_daily_price`
"""
