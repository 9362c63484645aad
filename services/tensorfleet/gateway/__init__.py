"""The gateway: HTTP in, gRPC out, and who the users are.

Clients, the SDK and browsers call it; it calls the other services. It owns users and tokens.
It never decides about jobs, data or models, holds no state that a second replica would miss, and
does no long work.
"""
