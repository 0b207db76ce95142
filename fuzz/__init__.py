"""Attacks the conversions in C with what a grammar and chance make; the conversions by row say what is right.

`python -m fuzz` starts a worker, which makes cases, runs them between fences and compares; whatever differs, faults or
hangs is saved as a file that `python -m fuzz --again FILE` runs again.
"""
