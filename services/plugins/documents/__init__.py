"""Documents that agencies issue to a citizen: asked for, kept sealed for a while, taken away by the citizen alone."""
