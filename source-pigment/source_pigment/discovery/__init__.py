"""Which streams there are, and what their columns are."""
