"""What the learning algorithms and their right answers agree on."""

CLUSTERS = 64
ITERATIONS = 20
"""Steps of k-means: far fewer than random tables of a thousand rows need to converge, so that the
work is the same for each row."""
COMPONENTS = 4
NEIGHBOURS = 5
