"""What is asked: experiments with their fields, presets, and all that can be named in them."""
