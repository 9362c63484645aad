"""Several generators, in processes of one or several machines, as one."""
