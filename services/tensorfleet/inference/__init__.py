"""Inference: registered models, loaded and answering.

Owns what it has in memory and a cache of model files, both of which it can lose at any time. Called
by the gateway. Fetches models from storage. Never trains, and never runs code from a model's files:
they hold tensors and a graph of known operators, and nothing else is loaded.
"""
