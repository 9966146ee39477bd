"""Recorded graphs for people: drawn, explained in steps, played, and live.

`selection` decides which part of a graph to show. `text` writes numbers and names, `notation` writes formulas
with them, and `formulas` takes the formula of a derivative from the table of operations. `render` makes
pictures of DOT text, `palette` has the colours, `diagram` is the canvas, and `draw` draws a graph on it.
`explain` tells the forward and the backward pass as `steps`. `page` makes a page of a diagram: `player` plays
the steps on it, and `live` computes both passes again as its reader moves the numbers.
"""
