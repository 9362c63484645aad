"""Watching machines while they are under load."""
