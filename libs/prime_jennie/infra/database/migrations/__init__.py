"""Carry a database from one shape to the next; the files in versions/ are never changed once released."""
