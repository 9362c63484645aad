"""What one arrival does, by name: built-in cases and one's own; and the target to try them on."""
