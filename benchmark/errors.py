"""Errors that are the user's to mend: the command line prints their one sentence and exits."""

from __future__ import annotations


class UserError(Exception):
    """Wrong input: one sentence naming the file, field or value and what would be right. Exit code 2."""

    exit_code = 2


class BusyError(UserError):
    """Another process holds what is wanted. Exit code 75, as sysexits.h calls a temporary failure."""

    exit_code = 75
