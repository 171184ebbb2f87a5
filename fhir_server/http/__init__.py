"""The web in front of the interactions: Flask and flask-smorest, and nothing of the record."""
