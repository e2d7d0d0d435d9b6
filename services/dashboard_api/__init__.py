"""dashboard-api: what a page shows of all strategies, and the few things a person may change there.

reads      SQL, Redis, kis-gateway, every service's /health, the streams of signals, sales, trades, alerts and ticks
decides    nothing about trading; who may look (read token), who may act (operator token)
publishes  REST (service-contracts §1.8, rulebook §11), /ws with replay, persons' halts, triggers of slots
"""
