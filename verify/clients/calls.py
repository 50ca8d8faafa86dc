"""Calls of other people's clients, under the providers' own names. One line of JSON for each."""
import importlib
import sys

from table import Table

importlib.import_module(f'{sys.argv[1]}_calls').run(Table())
