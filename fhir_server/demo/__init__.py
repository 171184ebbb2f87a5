"""Make the demonstration world: French, synthetic, and the same each time for a seed."""
