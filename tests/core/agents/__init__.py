"""Tests of agents, their floats and what they earn."""
