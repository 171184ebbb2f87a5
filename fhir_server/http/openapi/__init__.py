"""The OpenAPI description of every address, generated from the tables that route and search."""

from fhir_server.http.openapi.document import Description, FhirBlueprint, open_api

__all__ = ["Description", "FhirBlueprint", "open_api"]
