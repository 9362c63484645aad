"""JSON ↔ protobuf, pure: one file per group of shapes in `shared/rest/`."""
