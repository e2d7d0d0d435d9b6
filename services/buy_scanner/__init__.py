"""buy-scanner: looks at every completed minute of the watchlist and says what it would buy.

reads      `stream:ticks`, the live configuration (static watchlist) or `watchlist:active` and `watchlist:manual`,
           `regime:current`, cooldowns, halts; minute history through kis-gateway after a restart and for new stocks
decides    `strategy.scanner`: entries in the rulebook's order, then every gate, by tick time alone
publishes  BuySignal to `<strategy>:stream:buy-signals`; every signal, published or suppressed, as a row of
           `signal_logs` with its reason
"""
