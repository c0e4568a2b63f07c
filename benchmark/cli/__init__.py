"""The command line, a file for each group of commands: parse, call, print. No logic."""
