"""Curves of a run, sent as they come to TensorBoard, Weights & Biases or MLflow.

The results on disk stay the truth: trackers are shown copies, and nothing of a run depends on them.
"""
