"""The provider's REST interface."""
