"""Readers of the formats that archives use: each reads a file whole, or says what is wrong with it and where."""
