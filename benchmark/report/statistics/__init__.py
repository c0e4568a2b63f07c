"""What results say: intervals, tests over seeds, ranks, areas under curves. Numbers in, numbers out."""
