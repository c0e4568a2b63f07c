"""What the readers of published data sets share: lists of ids, the files of each, how labels are coded."""
