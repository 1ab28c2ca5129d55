"""The chart's values as models: defaults, schema and table are made of them, so that each fact has one place."""
