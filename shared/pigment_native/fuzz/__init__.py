"""Fuzzes the conversions in C with generated and mutated blocks; the conversions by row say what is right.

`python -m pigment_native.fuzz` starts a worker, which makes cases, runs them between fences and compares. A case that
differs, faults or hangs is saved as a file, which `python -m pigment_native.fuzz --again FILE` runs again.
"""
