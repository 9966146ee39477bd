"""Graphs and networks, played step by step on a page of their own."""

from engine.show.player.graph import play as play
from engine.show.player.page import Player as Player
from engine.show.player.page import Scene as Scene
