"""Records to samples to packs: splits without leaks, loaders with exact order."""
