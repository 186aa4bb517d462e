"""How a cohort comes about: inputs are read and explained one by one, here or in other processes."""
