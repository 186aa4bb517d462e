"""Where the maps of a cohort are kept: one a row, with a journal of what is done; one writer at a time."""
