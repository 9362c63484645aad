"""What measured times say, and what they do not: pure functions over numbers."""
