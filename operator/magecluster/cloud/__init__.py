"""The Cloud API: clusters by the names of Mage's Helm values, for clients that know nothing of Kubernetes.

Pure so far: `config.py` says what a client reads, `merge.py` what its answer changes. Read these two first.
"""
