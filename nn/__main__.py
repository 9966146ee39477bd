"""`python -m nn` is the command `deltagrad`."""

from nn.cli import main

main()
