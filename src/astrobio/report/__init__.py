"""Reports, figures, lineage: what people look at."""
