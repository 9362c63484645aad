"""What the pictures of all kinds have in common."""
