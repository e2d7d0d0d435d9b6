"""daily-briefing: tells the owner once a day what the day was, and what is not known of it.

reads      settlements, trades, snapshots, watchlists, insights, index bars, slots and news in SQL; the regime in Redis;
           the account and the index through kis-gateway
decides    nothing about money: every figure was computed elsewhere, the text is a template; a language model, where
           one is configured, may write the closing words and no figure of its own
publishes  `briefings` (once a day), one Telegram message a chat with its intent in `briefing_deliveries` before it
           leaves, `briefing:sent:{date}`
"""
