"""Agents: who sells and collects for the utility, with a float that pays for what they sell."""
