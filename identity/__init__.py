"""Who you are: people, the OpenID provider, sign-in with ThaID, officers, the inbox."""
