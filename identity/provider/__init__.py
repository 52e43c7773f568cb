"""Our OpenID provider: clients, codes, tokens, signing keys, and their verification."""
