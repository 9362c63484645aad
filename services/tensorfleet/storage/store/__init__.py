"""What the storage service keeps in MongoDB, one file a noun; protocol.py says what it promises."""
