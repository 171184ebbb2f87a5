"""Who asks: signing keys, bearer tokens and the `Requester` that a token describes."""
