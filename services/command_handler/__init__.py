"""command-handler: where a person asks, orders and is told.

reads      commands from allowed Telegram chats and from the console (`POST /console`, `jennie chat`);
           `stream:trade-notifications` and `stream:alerts` (through its inbox); prices for whoever waits for one
decides    who may command, what must be confirmed, how much a person may trade a day
publishes  halts of persons, overrides in `config`, `watchlist:manual`, forced-liquidation lists; manual buy signals and
           sell orders into the strategies' streams, whose outcomes it follows and tells; an audit row of every command
"""
