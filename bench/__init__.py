"""Speed and memory of the lab itself, as ratios of two sides measured in one run."""
