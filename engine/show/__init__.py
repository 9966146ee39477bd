"""Recorded graphs and networks shown to people: in pictures, in words, and as a page that is played.

`shown` says what is shown of a graph, and `notation` how it is written. `render` makes pictures of DOT text,
and `diagram` says how they look; `draw_graph` and `draw_network` draw. `local_rules` reads the formula of a
derivative off the table of operations; `explanation` and `network_explanation` tell the forward and the
backward pass as a `walkthrough` of steps; `player` plays them on the diagram.
"""
