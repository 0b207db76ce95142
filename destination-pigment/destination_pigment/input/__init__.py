"""What Airbyte sends: lines, messages, and how the source ended."""
