"""The Cloud API: clusters by the names of Mage's Helm values, for clients that know nothing of Kubernetes.

From the bottom up:

- `errors.py`   what is refused, in the one shape of all our HTTP errors
- `config/`     pure: the config of a cluster between the wire and the spec
- `access/`     pure: accounts, tokens, roles, permissions, limits
- `store/`      what is kept in Kubernetes: watched, and written by patches
- `login/`      who somebody is: passwords, sessions, OpenID Connect
- `web/`        routes, handlers, wire types, OpenAPI
- `main.py`     put together
"""
