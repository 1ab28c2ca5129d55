"""Benchmarks on a real API server. Every figure stands beside its floor: the same work done by a bare client."""
