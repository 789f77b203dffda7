"""Pure mathematics of selection: arrays in, arrays out."""
