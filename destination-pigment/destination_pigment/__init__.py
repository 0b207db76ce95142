"""Airbyte destination for Pigment."""
