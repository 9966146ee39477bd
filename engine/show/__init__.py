"""Recorded graphs shown to people: in pictures, in words, and as pages that are played.

`selection` decides what is shown of a graph. `text` writes numbers and names, `notation` writes formulas with
them, and `formulas` reads the formula of a derivative off the table of operations. `render` makes pictures of
DOT text, `palette` has the colours, `diagram` is the canvas, and `draw` draws a graph on it. `explain` tells
the forward and the backward pass as `steps`; `player` plays them on the diagram.
"""
