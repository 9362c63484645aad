"""Command jobs: run any command line on a worker."""
