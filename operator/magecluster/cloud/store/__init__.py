"""What the Cloud API keeps in Kubernetes: watched into memory, written by patches; there is no database beside it."""
