"""What the numbers mean; runs without torch."""
