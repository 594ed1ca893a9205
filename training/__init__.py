"""How the weights of `looks/marks.f16` were made: data, renditions, the net and its training.

Nothing here is installed with the package, and only this folder needs PyTorch. README.md says how to run it.
"""
