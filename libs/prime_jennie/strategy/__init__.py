"""The brain: pure functions over immutable domain messages, called alike by live services and by replays."""
