"""Admission: the five gates, as small named checks, and the verdict that says what each of them saw."""
