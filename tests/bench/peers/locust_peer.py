"""Locust's fast client, as its documentation has it: users who ask again at once."""

from locust import FastHttpUser, constant, task


class Visitor(FastHttpUser):
    """One of many."""

    wait_time = constant(0)

    @task
    def visit(self) -> None:
        """Asks."""
        self.client.get("/")
