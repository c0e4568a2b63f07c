"""What whoever has results may have written by hand, looked at before it is believed."""
