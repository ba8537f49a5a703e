"""Clients made from the API's description drive it."""
