"""Consents of citizens (PDPA 2562 s.19): granted, withdrawn, relied on."""
