"""A user's own folders of images and labels, described by a YAML file."""
