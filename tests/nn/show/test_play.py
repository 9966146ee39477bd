"""Networks played in a browser."""

import random
import re
from pathlib import Path

import pytest

from nn.article.worked_example import INPUTS, TARGET, network
from nn.losses import cross_entropy, log_loss
from nn.modules import MLP
from tests.engine.show.test_player import Page, drive, in_a_browser


@pytest.mark.slow
@in_a_browser
def test_in_a_browser_a_network_is_played_to_the_exact_end(tmp_path: Path) -> None:
    softmax_net = MLP(2, [3, 3], activation="tanh", output="softmax", rng=random.Random(3))
    players = [
        network().play(INPUTS, TARGET, log_loss),
        softmax_net.play([0.5, -1.0], [1.0, 0.0, 0.0], cross_entropy, theme="dark"),
    ]
    for player, report in zip(players, drive([p.html for p in players], tmp_path), strict=True):
        assert report["outside"] == []
        assert report["states"][0]["lines"] == player.blank
        assert [state["text"] for state in report["states"]] == [scene.text for scene in player.scenes]
        assert [state["unknown"] for state in report["states"]][-1] == 0
        drawn = Page(player.diagram.svg)
        final = [
            text for text in drawn.texts["text"] + drawn.texts["tspan"] if re.match(r"[zaδ]. |∂ [−0-9]", text)
        ]
        shown = report["states"][-1]["lines"]
        assert set(shown.values()) >= set(final)
