"""Walk jobs: a kind that another distribution installs; its jobs name routes."""
