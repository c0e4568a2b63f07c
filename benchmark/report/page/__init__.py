"""The page of a run: one HTML file that opens from disk and asks nobody for anything."""

from benchmark.report.page.page import render_page

__all__ = ["render_page"]
