"""Papers of agencies: PDF/A-3 that carries its data, signed as PAdES, and verified by whoever is shown one."""
