"""What the connectors assume of Pigment and cannot read in its API description, as probes of a real workspace."""
