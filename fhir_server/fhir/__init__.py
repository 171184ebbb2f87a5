"""Hold FHIR values without I/O: JSON, dates, references, outcomes and bundles."""
