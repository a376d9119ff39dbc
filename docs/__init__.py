"""Documents for people, and the program that makes some of them from the code."""
