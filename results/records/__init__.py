"""What lies on disk: one record per unit, and run.json."""
