"""The orchestrator service's door: made from proto/tensorfleet/orchestrator/v1 by `make proto`."""
