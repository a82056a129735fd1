"""`roost probe`: whether a runtime keeps every promise with the program that is installed now."""
