"""The inference service's door: made from proto/tensorfleet/inference/v1 by `make proto`."""
