"""Carrying a plan out: deployment, orders to the agent, trials, and their raw files."""
