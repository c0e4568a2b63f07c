"""Folders of results, read and checked: one, or several as one study."""
