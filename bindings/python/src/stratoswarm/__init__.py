"""Stratoswarm for Python: the message types (`stratoswarm.messages`)."""
