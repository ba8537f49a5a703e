"""The food-delivery site in a real browser: three people at once, on a real server with real workers."""
