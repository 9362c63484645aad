"""The orchestrator's truth: jobs, tasks, events and workers. The only place that knows MongoDB."""
