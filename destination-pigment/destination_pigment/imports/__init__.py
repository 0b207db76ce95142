"""From files to imports in Pigment."""
