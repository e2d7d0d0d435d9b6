"""Bring the slots of schedules to their outcomes: in this process on a laptop, by Jobs in a cluster."""
