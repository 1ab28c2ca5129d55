"""Who somebody is: passwords, sessions, OpenID Connect."""
