"""The REST API of any machine, and of the orders."""
