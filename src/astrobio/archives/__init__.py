"""The sources: one module each, which declares what it holds, how it is asked, and how its bytes are judged."""
