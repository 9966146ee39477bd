"""The worked example of a published article, and exercises in its notation."""
