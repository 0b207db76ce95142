"""A local Pigment: an independent witness for tests, as awkward as the real one."""
