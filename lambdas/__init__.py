"""The functions: each folder is one verb, ``handler.handle`` its entry."""
