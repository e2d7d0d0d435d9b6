"""The work queue between the watches and the reconcilers."""

from prime_jennie_operator.work.queue import Again, Key, Reconciler, WorkQueue

__all__ = ["Again", "Key", "Reconciler", "WorkQueue"]
