"""Graphs and networks, played step by step on a page of their own."""

from engine.player.graph import play as play
from engine.player.network import play_network as play_network
from engine.player.page import Player as Player
from engine.player.page import Scene as Scene
