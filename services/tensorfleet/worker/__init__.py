"""The worker runs one machine's tasks: their processes, resources, output and heartbeats.

It pulls tasks from an orchestrator over one standing session and moves bytes between S3 and disk.
Nobody calls it. It must hold nothing that has to survive it.
"""
