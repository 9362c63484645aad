"""Kinds of jobs: one room each, all furnished alike.

A room is a package with four modules: `spec` (what a user may ask), `plan` (job to tasks, pure),
`run` (what a task's process does), `result` (whether what came out is what was promised).
`registry` finds rooms by entry point; services know kinds only through it and never by name.
"""
