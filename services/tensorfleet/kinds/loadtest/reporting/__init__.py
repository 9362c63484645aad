"""A load test's document as tables, files and pages."""
