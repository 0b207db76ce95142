"""The platform's side: runs a connector as Airbyte does, and holds it to the platform's rules."""
