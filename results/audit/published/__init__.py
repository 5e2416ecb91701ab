"""The paper's own Table 3, as data."""
