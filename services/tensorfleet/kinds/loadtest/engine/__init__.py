"""One process's load: requests at their intended times, and exact figures."""
