"""The judge: every job for us and for every peer that can do it, side by side. See docs/benchmarks.md."""
