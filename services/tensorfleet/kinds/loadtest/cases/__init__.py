"""What one arrival does, by name: built-in cases and one's own."""
