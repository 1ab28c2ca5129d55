"""The Cloud API, measured beside a bare handler that gives the same bytes, and beside the API server itself."""
