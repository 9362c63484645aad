"""Code that two or more services, the SDK or the command line share, one noun a file.

Owns no state and no process. Everything may import it; it imports no service's room. Files that the
base install needs (errors, ids, manifests, transfers, REST shapes) import only base dependencies.
"""
