"""prime-jennie."""
