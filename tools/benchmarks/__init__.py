"""Ours beside the plain way and the floor, measured as whole processes in one run: `python -m benchmarks --help`."""
