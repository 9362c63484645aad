"""The course of a load test: points, searches, thresholds."""
