"""What the learning algorithms and their right answers agree on."""

CLUSTERS = 32
ITERATIONS = 3
"""Steps of k-means: fewer than random tables of two hundred rows need to converge, so that the
work is the same for each row."""
COMPONENTS = 4
NEIGHBOURS = 5
