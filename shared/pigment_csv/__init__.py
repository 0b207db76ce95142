"""CSV as Pigment writes and reads it; knows neither Pigment's API nor Airbyte."""
