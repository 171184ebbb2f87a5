"""The only door to data: views bound to a requester, and the writes."""
