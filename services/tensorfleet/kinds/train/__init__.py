"""Training jobs: run a user's Python training script with datasets, checkpoints and a model."""
