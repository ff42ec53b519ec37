"""Logs of the tests are what they are in operation: one masked line each.

(The logger's own default draws tracebacks with every local, which takes seconds.)
"""

from hub import observe

observe.configure("json")
