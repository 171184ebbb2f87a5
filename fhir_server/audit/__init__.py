"""The access log: who did what, to which record, under which rule (R71)."""
