"""The audit log: who did what in Pigment, read once each, however pages and syncs overlap."""
