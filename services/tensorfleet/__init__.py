"""TensorFleet: one fleet for machine-learning work. The public SDK surface.

`init()` gives a training script its run: parameters, datasets, metrics, checkpoints, models, with
or without a fleet. `Client` talks to a fleet's gateway.
"""
