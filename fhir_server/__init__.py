"""A FHIR R4 server for the French shared medical record, with consent inside every query."""

__version__ = "0.1.0"
