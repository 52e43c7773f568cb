"""What agencies' systems ask over HTTP, under `/agency/v1`: facts of citizens, in answers that a court can verify."""
