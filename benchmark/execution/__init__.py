"""Where the jobs of an experiment run: in this process, on many devices by Ray, on a cluster by SLURM.

An engine decides where, and nothing else: what a job is, that it goes on where it stopped, and that no two
processes do it at once, is the job's own (``unit``). So every engine gives the same numbers.
"""
