"""What both executors share: one order a message, followed to its end, booked from its fills."""
