"""Who may do what: accounts, tokens, roles, permissions, limits. Pure: the clock and randomness are arguments."""
