"""The demo: a ledger leaves a local Pigment and arrives in another application of it."""
