"""Recorded graphs as pages that compute: move a number, and both passes are run again in the page."""

from engine.show.live.page import Live as Live
from engine.show.live.page import live as live
