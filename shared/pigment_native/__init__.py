"""The conversions of many rows at once, in C (`rows.c`); where the library cannot be loaded, Python converts them."""
