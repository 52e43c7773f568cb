"""The pages for a newcomer: a landing page, a sign-in as a client would do it, and the GraphQL IDE."""
