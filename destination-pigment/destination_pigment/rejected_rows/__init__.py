"""Rejected rows in the user's own bucket."""
