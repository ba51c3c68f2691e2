"""What channel routers learned."""
