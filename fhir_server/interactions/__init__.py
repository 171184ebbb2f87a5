"""One module for each FHIR interaction, free of any web framework."""
