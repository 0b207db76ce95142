"""Requests to Pigment: sent within its limits, and repeated where that does no harm."""
