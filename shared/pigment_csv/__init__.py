"""CSV as Pigment writes and reads it, independent of Pigment's API and of Airbyte."""
