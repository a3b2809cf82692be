"""The documented entry points of training; each calls the package."""
