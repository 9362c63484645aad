"""How times are taken: fresh processes that measure, and the process that conducts them."""
