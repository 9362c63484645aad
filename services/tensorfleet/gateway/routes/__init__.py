"""HTTP routes, one file per noun: check, convert, call, convert."""
