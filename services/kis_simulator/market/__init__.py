"""What the exchange trades: listings, daily bars and the intraday paths made from them."""
