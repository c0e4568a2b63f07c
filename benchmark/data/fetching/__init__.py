"""Published data sets brought from a hub onto this machine: which there are, how, and a record of it."""
