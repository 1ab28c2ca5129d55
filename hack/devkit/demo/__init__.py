"""The demonstration: a Mage cluster is applied, runs a pipeline, is stopped and started."""
