"""Profile jobs: measure algorithms over input sizes, and say how sure the figures are."""
