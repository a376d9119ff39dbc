"""What the recorded measurements mean: readings, gates, statistics, the result."""
