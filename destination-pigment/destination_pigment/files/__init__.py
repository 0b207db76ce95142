"""From records to CSV files."""
