"""The contracts of networks and backbones."""
