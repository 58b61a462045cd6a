"""A package, so that its files share a browser."""
