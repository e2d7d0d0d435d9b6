"""Turns a TradingStrategy and a ScoutSchedule into the objects that run them.

`resources` says what a person may write, `loading` reads it, `crd` publishes it, `desired` renders the objects wanted
and `local` runs these as processes on a machine without Kubernetes.
"""
