"""The command line, `tensorfleet`: what people type, and what they see.

Owns no state: a fleet on this machine belongs to `local/`, everything else to a fleet's gateway,
reached through the SDK's client. Modules of commands import little at the top, so that `--help` is
quick. Nothing imports this package.
"""
