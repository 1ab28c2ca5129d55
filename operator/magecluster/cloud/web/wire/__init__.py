"""Wire types: what requests and answers look like. OpenAPI is made from them."""
