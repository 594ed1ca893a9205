"""How the map of `looks/marks.map` was made: icons, renditions, and the solving.

Nothing here is installed with the package, and only this folder needs PyTorch. README.md says how to run it.
"""
