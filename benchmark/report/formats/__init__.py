"""A table, and how it is written: CSV, Markdown, LaTeX and plain text."""
