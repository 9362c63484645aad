"""Monitoring: looks at every part of the fleet and shows what it sees, over gRPC and as a web page.

People, the gateway and container schedulers ask it; it asks the other services and the gateway.
It keeps only its newest look, in memory. Nothing may depend on it: the fleet works when it is down.
"""
