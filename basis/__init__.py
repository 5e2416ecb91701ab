"""What all packages need and none of them is about: files, canonical JSON, names, registries.

Imports nothing of the project; everything else may import it.
"""
