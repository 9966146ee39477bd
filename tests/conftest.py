"""What holds for every test."""

from hypothesis import settings

settings.register_profile("deltagrad", deadline=None)  # right is right on a busy machine too
settings.load_profile("deltagrad")
