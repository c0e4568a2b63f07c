"""What figures are drawn with: sizes, axes, legends, bands; no figure of its own."""
