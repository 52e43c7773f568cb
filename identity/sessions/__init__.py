"""Where a person is signed in: the browsers, the apps that hold tokens of theirs, and an end to any of them."""
