"""A scalar reverse-mode autograd engine: record, differentiate, draw, prove."""
