"""Pure functions from what a person wrote to the Kubernetes objects wanted: no cluster, no clock, no files.

`strategy` renders one TradingStrategy, `platform` what all strategies share, from the chart's values.
"""
