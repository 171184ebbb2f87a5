"""Who may know what in a shared medical record: decided exactly, pushed down, explained."""
