"""What a training asks of the machine: devices, memory, compiled graphs, halves of weights."""
