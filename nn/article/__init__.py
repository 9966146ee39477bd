"""The worked example of a published article."""
