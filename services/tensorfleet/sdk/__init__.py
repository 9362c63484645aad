"""What users' own programs import: the run context of a task, and the client of a fleet.

Owns nothing that outlives the program. Imports no service's room and no heavy library.
"""
