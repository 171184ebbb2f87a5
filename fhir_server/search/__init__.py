"""Search: query string to predicate, resource to index values."""
