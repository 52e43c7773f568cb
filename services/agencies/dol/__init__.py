"""The Department of Lands: who owns land."""
