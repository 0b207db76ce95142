"""From exports to RECORD lines."""
