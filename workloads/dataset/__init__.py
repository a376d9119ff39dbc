"""The rows every service works on, generated from a seed."""
