"""What is measured: algorithms, their inputs and their right answers."""
