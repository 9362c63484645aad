"""What the learning algorithms and their right answers agree on."""

CLUSTERS = 32
ITERATIONS = 10
"""Steps of k-means: fewer than random tables of two thousand rows need to converge, so that the
work is the same for each row."""
COMPONENTS = 4
NEIGHBOURS = 5
