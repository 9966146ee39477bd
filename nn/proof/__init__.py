"""The proof that gradients of networks are right: the delta rule, and its agreement with the engine."""
