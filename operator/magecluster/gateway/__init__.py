"""The gateway: an HTTP server beside each Mage, in the same pod, through which everybody else comes.

What may live here: passing requests on to Mage, and the API of one cluster, made of calls to that Mage. It knows the
types of `magecluster.api` and nothing else of ours: it runs next to the code of users, so it has neither rights in
Kubernetes nor a client for it, and it keeps nothing that it could not lose at any moment. Read `app.py` first.
"""
