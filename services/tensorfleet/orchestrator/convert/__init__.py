"""Contract messages as domain objects, and back. Pure; one noun a file."""
