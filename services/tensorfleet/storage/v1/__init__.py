"""The storage service's door: made from proto/tensorfleet/storage/v1 by `make proto`."""
