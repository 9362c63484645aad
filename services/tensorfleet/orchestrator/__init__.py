"""The orchestrator owns jobs, tasks, attempts, workers, leases and events.

It plans a job into tasks and hands them to workers. The gateway calls it for clients, workers hold
a session with it. It never runs user code and never touches the bytes of artifacts.
"""
