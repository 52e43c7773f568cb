"""The agencies' systems as Sitthi meets them: JSON over HTTP, tokens, faults on demand. Never in production."""
