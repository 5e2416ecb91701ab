"""What is computed from a clip: pure functions, arrays in, arrays out."""
