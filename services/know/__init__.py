"""Know: the catalogue of services, found in Thai and English."""
