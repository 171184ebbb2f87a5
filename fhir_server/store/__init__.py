"""Where resources are kept: a small interface, and MongoDB behind it."""
