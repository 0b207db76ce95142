"""How requests reach Pigment: sent within its limits, repeated where that does no harm."""
