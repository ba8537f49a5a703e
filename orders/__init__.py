"""Food delivery on statecharts: the order flow of three kinds of restaurants, with its REST API."""
