"""Who belongs to a cohort and to its groups."""
