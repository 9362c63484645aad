"""How results are drawn: one module for each picture."""
