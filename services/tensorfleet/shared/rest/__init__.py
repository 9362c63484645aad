"""Shapes of REST requests and answers, one noun a file, for the gateway and the SDK alike.

Also how a request is checked (`checking`) and what a job may ask for (`job_files`). Base
dependencies only: the SDK imports this on laptops. States and types are lower-case words; times
are RFC 3339; numbers carry their unit in their name.
"""
