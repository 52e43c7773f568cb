"""Pictures and papers that a citizen sends as evidence: looked through, scanned, sealed, named in an application."""
