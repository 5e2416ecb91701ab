"""Methods of your own in ten lines: a scikit-learn estimator, or a torch module."""
