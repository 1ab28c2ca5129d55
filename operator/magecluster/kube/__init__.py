"""The only code that talks to the API server: connection, reflector, watch cache, apply, Events, errors.

Built on the configuration, credentials and TLS of `kubernetes.aio`; requests go straight through an aiohttp session
with orjson, which costs a third of that package's own client (measured; see docs/decisions).
"""
