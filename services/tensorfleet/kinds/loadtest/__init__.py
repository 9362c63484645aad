"""Load tests: exact open-loop load against a service, its limits, and what broke first."""
