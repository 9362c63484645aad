"""The course of a load test: which points run, in which order, and what they mean together."""
