"""The officers' desk: the queue of an agency's applications, one case, and what an officer does about it."""
