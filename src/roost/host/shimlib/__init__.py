"""The parts of the shim: standard library only, nothing of roost, loaded by `shim.py` from its own folder.

One shim runs beside every agent, so it starts in milliseconds and stays small. C modules are imported
without their Python wrappers where those cost more than they give: with `signal`, `json` and `ctypes` in
full it starts 12 ms later and holds 1.4 MB more (Python 3.11). Everything is loaded at the start, so that
replacing roost under a running session cannot break its end.
"""
