"""Once only, counted: the questions that nobody had to ask."""
