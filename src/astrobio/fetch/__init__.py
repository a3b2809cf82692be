"""Bring records from the sources into a store: from the archives themselves, from a mirror, or from a user's file."""
