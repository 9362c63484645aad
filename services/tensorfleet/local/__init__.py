"""The embedded fleet: real MongoDB, Valkey and SeaweedFS servers on this machine, from packages.

Owns the processes, ports, secrets and data folders of one machine's fleet. The CLI and the test
suite call it. It never speaks for a server that is not running, never listens beyond loopback, and
no service imports it.
"""
