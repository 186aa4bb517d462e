"""A cohort in a notebook; the part of the package that knows Jupyter."""
