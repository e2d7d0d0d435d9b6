"""When a ScoutSchedule's slots are and what is to be done with each: pure functions of spec, sessions and time."""
