"""What the console commands do, one module each; `fhir_server.cli` only reads the options."""
