"""The sealed record of a run: its format, writing, sealing, verifying and packing."""
