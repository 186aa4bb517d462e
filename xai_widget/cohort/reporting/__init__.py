"""The parts of a cohort's report: a page, figures with a scale, tables of facts, and what was found in the maps."""
