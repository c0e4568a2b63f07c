"""Decoded images and labels as rows: in memory, in mapped files of the cache folder, on the device."""
