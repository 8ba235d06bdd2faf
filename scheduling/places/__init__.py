"""Where jobs run: one small contract, and the places that keep it."""
