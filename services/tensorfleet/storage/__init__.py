"""Storage: datasets, code packages, checkpoints, artifacts and the model registry.

Owns what is kept in MongoDB's artifact, dataset, checkpoint and model collections and in S3. Called
by the gateway, workers and the inference service. Never lets a whole file through its own memory,
and never shows anything that is not complete and checked.
"""
