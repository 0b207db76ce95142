"""The few words that both connectors say to Airbyte."""
