"""Data sets: generated, shipped with the package, or read from a CSV file."""

from nn.data.csv_table import *
from nn.data.dataset import *
from nn.data.sets import *
