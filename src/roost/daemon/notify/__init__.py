"""What people are told of outside of roost, by the rules of `[[notify]]`."""
