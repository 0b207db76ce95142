"""A client for Pigment's external API that knows nothing of Airbyte."""
