"""Forward and backward passes played step by step, each on a page of its own."""

from engine.show.player.graph import play as play
from engine.show.player.page import Player as Player
from engine.show.player.page import Scene as Scene
from engine.show.player.stage import Stage as Stage
