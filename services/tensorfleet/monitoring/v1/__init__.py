"""The monitoring service's door: made from proto/tensorfleet/monitoring/v1 by `make proto`."""
