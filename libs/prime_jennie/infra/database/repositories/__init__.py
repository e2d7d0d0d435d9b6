"""Speak to the tables in the words of trading, one file a noun."""
