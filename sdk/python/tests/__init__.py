"""Tests of the package: ``python3 -m unittest discover -t . -s tests`` in the directory above."""
