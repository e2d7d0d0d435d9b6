"""command-handler."""
