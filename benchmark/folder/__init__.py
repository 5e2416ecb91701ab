"""The run folder: whose it is, what it holds and lacks, what its run.json says."""
