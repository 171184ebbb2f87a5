"""One module for each FHIR operation."""
