"""Runs desired objects as processes of this machine: the same YAML without a cluster."""
