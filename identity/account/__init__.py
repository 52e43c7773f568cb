"""What a person keeps safe by themselves: passkeys, sessions, contact data; as pages and in the graph."""
