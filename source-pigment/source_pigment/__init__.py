"""Airbyte source for Pigment."""
